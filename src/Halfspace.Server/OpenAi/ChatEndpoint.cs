using System.Text;
using System.Text.Json;
using Halfspace.Runtime.Tokenization;
using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi;

/// <summary><c>POST /v1/chat/completions</c>.</summary>
internal sealed class ChatEndpoint(HalfspaceServerOptions options, ModelRegistry models, TimeProvider clock)
{
    public async Task HandleAsync(HttpContext http)
    {
        ChatRequest request = await RequestBody.ReadAsync(http, ServerJson.Wire.ChatRequest, options.BodyTimeout).ConfigureAwait(false);
        ServedModel model = models.Find(request.Model);
        Header header = new(AnswerRun.NewId("chatcmpl-"), clock.GetUtcNow().ToUnixTimeSeconds(), model);
        await AnswerRun.RunAsync(http, model, () => Prepare(request, model), (_, pieces) => request.Stream == true
            ? StreamAsync(http, header, request, pieces)
            : SendAsync(http, header, request, pieces)).ConfigureAwait(false);
    }

    private GenerationRequest Prepare(ChatRequest request, ServedModel model)
    {
        if (request.Tools is { ValueKind: not JsonValueKind.Null }) throw ApiException.Unsupported("tools", "tools are not supported; leave them out.");
        if (request.ResponseFormat is { Type: not (null or "text") })
            throw ApiException.Unsupported("response_format", "Only text is supported as response_format; leave it out.");
        if (request.TopLogprobs is not null && request.Logprobs != true)
            throw ApiException.Field("top_logprobs", "top_logprobs needs logprobs: true.");
        int? max = request.MaxCompletionTokens ?? request.MaxTokens;
        string field = request.MaxCompletionTokens is null ? "max_tokens" : "max_completion_tokens";
        int[] prompt = ChatTurns.Encode(model.Model, ChatTurns.From(request.Messages, "messages"), "messages");
        return new GenerationRequest(Generation.Fitting(prompt, model, "messages"), Generation.Options(request, max, field, options))
        {
            Logprobs = request.Logprobs == true,
            TopLogprobs = Generation.TopLogprobs(request.TopLogprobs, "top_logprobs"),
        };
    }

    private static async Task SendAsync(HttpContext http, Header header, ChatRequest request, IAsyncEnumerable<AnswerPiece> pieces)
    {
        StringBuilder text = new();
        List<TokenLogprob> scores = [];
        AnswerTotals totals = null!;
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            text.Append(piece.Text);
            if (piece.Score is { } score) scores.Add(Logprobs.Of(score, header.Tokenizer));
            totals = piece.Totals ?? totals;
        }

        ChatChoice choice = new(0, new ChatMessage("assistant", text.ToString()), request.Logprobs == true ? new ChatLogprobs([.. scores]) : null, AnswerRun.Finish(totals));
        await ApiRoute.SendAsync(http, new ChatCompletion(header.Id, "chat.completion", header.Created, header.Model, [choice], AnswerRun.Usage(totals)),
            ServerJson.Wire.ChatCompletion).ConfigureAwait(false);
    }

    private static async Task StreamAsync(HttpContext http, Header header, ChatRequest request, IAsyncEnumerable<AnswerPiece> pieces)
    {
        EventStream stream = new(http);
        Task Chunk(ChatDelta delta, ChatLogprobs? scores, string? finish) => stream.SendAsync(
            new ChatChunk(header.Id, "chat.completion.chunk", header.Created, header.Model, [new ChatChunkChoice(0, delta, scores, finish)], null),
            ServerJson.Wire.ChatChunk);

        await stream.StartAsync().ConfigureAwait(false);
        await Chunk(new ChatDelta("assistant", ""), null, null).ConfigureAwait(false);
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            if (piece.Text.Length > 0 || piece.Score is not null)
                await Chunk(new ChatDelta(null, piece.Text), piece.Score is { } score ? new ChatLogprobs([Logprobs.Of(score, header.Tokenizer)]) : null, null)
                    .ConfigureAwait(false);
            if (piece.Totals is not { } totals) continue;
            await Chunk(new ChatDelta(null, null), null, AnswerRun.Finish(totals)).ConfigureAwait(false);
            if (request.StreamOptions?.IncludeUsage == true)
                await stream.SendAsync(new ChatChunk(header.Id, "chat.completion.chunk", header.Created, header.Model, [], AnswerRun.Usage(totals)),
                    ServerJson.Wire.ChatChunk).ConfigureAwait(false);
        }

        await stream.DoneAsync().ConfigureAwait(false);
    }

    /// <summary>What every piece of an answer begins with.</summary>
    private sealed record Header(string Id, long Created, ServedModel Served)
    {
        public string Model => Served.Name;

        public Tokenizer Tokenizer => Served.Model.Tokenizer;
    }
}
