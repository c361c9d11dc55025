using System.Text;
using System.Text.Json;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi.Responses;

/// <summary><c>POST /v1/responses</c>, with text. Nothing is stored: a conversation is sent whole each time.</summary>
internal sealed class ResponseEndpoint(HalfspaceServerOptions options, ModelRegistry models, TimeProvider clock)
{
    public async Task HandleAsync(HttpContext http)
    {
        ResponseRequest request = await RequestBody.ReadAsync(http, ServerJson.Wire.ResponseRequest, options.BodyTimeout).ConfigureAwait(false);
        ServedModel model = models.Find(request.Model);
        await AnswerRun.RunAsync(http, model, () => Prepare(request, model), (generation, pieces) =>
        {
            ResponseBody body = new()
            {
                Id = AnswerRun.NewId("resp_"),
                CreatedAt = clock.GetUtcNow().ToUnixTimeSeconds(),
                Status = "in_progress",
                Instructions = request.Instructions,
                MaxOutputTokens = request.MaxOutputTokens,
                Model = model.Name,
                Temperature = generation.Options.Sampling.Temperature,
                TopP = generation.Options.Sampling.TopP,
            };
            return request.Stream == true ? new ResponseStream(http, body).RunAsync(pieces) : SendAsync(http, body, pieces);
        }).ConfigureAwait(false);
    }

    /// <summary>The answer as it is at its end.</summary>
    public static ResponseBody Finished(ResponseBody body, ResponseItem item, AnswerTotals totals)
    {
        bool whole = totals.Finish == FinishReason.Stop;
        return body with
        {
            Status = whole ? "completed" : "incomplete",
            IncompleteDetails = whole ? null : new IncompleteDetails("max_output_tokens"),
            Output = [item],
            Usage = new ResponseUsage(totals.PromptTokens, new PromptTokensDetails(totals.CachedTokens), totals.Tokens, new OutputTokensDetails(0),
                totals.PromptTokens + totals.Tokens),
        };
    }

    /// <summary>The assistant's message.</summary>
    public static ResponseItem Message(string id, string? text, AnswerTotals? totals) => new(
        id, "message", totals is null ? "in_progress" : totals.Finish == FinishReason.Stop ? "completed" : "incomplete", "assistant",
        text is null ? [] : [new ResponsePart("output_text", text)]);

    private static async Task SendAsync(HttpContext http, ResponseBody body, IAsyncEnumerable<AnswerPiece> pieces)
    {
        StringBuilder text = new();
        AnswerTotals totals = null!;
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            text.Append(piece.Text);
            totals = piece.Totals ?? totals;
        }

        ResponseItem item = Message(AnswerRun.NewId("msg_"), text.ToString(), totals);
        await ApiRoute.SendAsync(http, Finished(body, item, totals), ServerJson.Wire.ResponseBody).ConfigureAwait(false);
    }

    private GenerationRequest Prepare(ResponseRequest request, ServedModel model)
    {
        if (request.PreviousResponseId is not null)
            throw ApiException.Unsupported("previous_response_id", "Answers are not stored; send the whole conversation as input.");
        if (request.Background == true) throw ApiException.Unsupported("background", "Answers are not stored; leave background out.");
        if (request.Tools is { ValueKind: JsonValueKind.Array } tools && tools.GetArrayLength() > 0)
            throw ApiException.Unsupported("tools", "Tools are not supported here; use /v1/chat/completions.");
        if (request.Text?.Format is { Type: not (null or "text") })
            throw ApiException.Unsupported("text.format", "Only text is supported here; use /v1/chat/completions.");
        if (request.Input is null) throw ApiException.Field("input", "input is missing; give a text.");
        List<ChatTurn> turns = ChatTurns.From(request.Input.Messages, "input");
        if (request.Instructions is { Length: > 0 } instructions) turns.Insert(0, new ChatTurn("system", instructions));
        return new GenerationRequest(
            Generation.Fitting(ChatTurns.Encode(model.Model, turns, "input"), model, "input"),
            Generation.Options(request, request.MaxOutputTokens, "max_output_tokens", options));
    }
}
