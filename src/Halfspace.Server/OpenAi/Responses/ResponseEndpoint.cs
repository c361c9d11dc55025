using System.Text;
using System.Text.Json;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Saved;
using Halfspace.Server.Contexts;
using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi.Responses;

/// <summary><c>POST /v1/responses</c>, with text. Nothing is stored: a conversation is sent whole each time.</summary>
internal sealed class ResponseEndpoint(HalfspaceServerOptions options, ModelRegistry models, SavedContexts contexts, TimeProvider clock)
{
    public async Task HandleAsync(HttpContext http)
    {
        ResponseRequest request = await RequestBody.ReadAsync(http, ServerJson.Wire.ResponseRequest, options.BodyTimeout)
            .ConfigureAwait(false);
        ServedModel model = models.Find(request.Model);
        await AnswerRun.RunAsync(http, model, end =>
        {
            GenerationRequest generation = Prepare(request, model);
            GenerationJob job = model.Scheduler.Submit(generation, end);
            IAsyncEnumerable<AnswerPiece> pieces = job.Pieces(http.RequestAborted);
            ResponseBody body = new()
            {
                Id = AnswerFields.NewId("resp_"),
                CreatedAt = clock.GetUtcNow().ToUnixTimeSeconds(),
                Status = "in_progress",
                Instructions = request.Instructions,
                MaxOutputTokens = request.MaxOutputTokens,
                Model = model.Name,
                Context = request.Halfspace?.Context,
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
            Usage = new ResponseUsage(totals.PromptTokens, new PromptTokensDetails(totals.CachedTokens), totals.Tokens,
                new OutputTokensDetails(0),
                totals.PromptTokens + totals.Tokens),
            Halfspace = AnswerFields.Report(totals, body.Context),
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

        ResponseItem item = Message(AnswerFields.NewId("msg_"), text.ToString(), totals);
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
        SavedContext? saved = request.Halfspace?.Context is { } name ? contexts.Find(name) : null;
        if (saved is not null) turns = SavedContexts.Following(saved, turns, "input");
        return new GenerationRequest(
            Generation.Fitting(ChatTurns.Encode(model.Model, turns, null, "input"), model, "input"),
            Generation.Options(request, request.MaxOutputTokens, "max_output_tokens", options),
            Generation.Attention(request.Halfspace, model.Scheduler.Attention))
        {
            Opening = saved is null ? null : SavedContexts.Opening(saved),
        };
    }
}
