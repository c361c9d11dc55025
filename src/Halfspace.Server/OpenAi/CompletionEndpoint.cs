using System.Text;
using Halfspace.Runtime.Tokenization;
using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi;

/// <summary><c>POST /v1/completions</c>: continues a text as it is, without the chat template.</summary>
internal sealed class CompletionEndpoint(HalfspaceServerOptions options, ModelRegistry models, TimeProvider clock)
{
    public async Task HandleAsync(HttpContext http)
    {
        CompletionRequest request = await RequestBody.ReadAsync(http, ServerJson.Wire.CompletionRequest, options.BodyTimeout).ConfigureAwait(false);
        ServedModel model = models.Find(request.Model);
        Completion header = new(AnswerRun.NewId("cmpl-"), "text_completion", clock.GetUtcNow().ToUnixTimeSeconds(), model.Name, [], null);
        await AnswerRun.RunAsync(http, model, () => Prepare(request, model), (_, pieces) => request.Stream == true
            ? StreamAsync(http, header, request, model.Model.Tokenizer, pieces)
            : SendAsync(http, header, request, model.Model.Tokenizer, pieces)).ConfigureAwait(false);
    }

    private GenerationRequest Prepare(CompletionRequest request, ServedModel model)
    {
        if (request.Echo == true) throw ApiException.Unsupported("echo", "echo is not supported; leave it out.");
        if (request.BestOf is not (null or 1)) throw ApiException.Unsupported("best_of", "best_of is not supported; leave it out.");
        if (request.Suffix is { Length: > 0 }) throw ApiException.Unsupported("suffix", "suffix is not supported; leave it out.");
        // OpenAI's default is 16 tokens; here, as in a chat, an answer goes on until the model ends it.
        return new GenerationRequest(
            Generation.Fitting(Encode(request.Prompt, model.Model.Tokenizer), model, "prompt"), Generation.Options(request, request.MaxTokens, "max_tokens", options))
        {
            Logprobs = request.Logprobs is not null,
            TopLogprobs = Generation.TopLogprobs(request.Logprobs, "logprobs"),
        };
    }

    private static int[] Encode(PromptText? prompt, Tokenizer tokenizer)
    {
        if (prompt is null) throw ApiException.Field("prompt", "prompt is missing; give a text.");
        // Only what the model wrote may hold control tokens: a text from outside stays text.
        if (prompt.Text is not null) return tokenizer.Encode(prompt.Text, parseSpecial: false, tokenizer.AddBos);
        foreach (int id in prompt.Ids!)
            if ((uint)id >= (uint)tokenizer.VocabularySize)
                throw ApiException.Field("prompt", $"prompt has the token {id}; ids are 0 to {tokenizer.VocabularySize - 1}.");
        return prompt.Ids;
    }

    private static async Task SendAsync(HttpContext http, Completion header, CompletionRequest request, Tokenizer tokenizer, IAsyncEnumerable<AnswerPiece> pieces)
    {
        StringBuilder text = new();
        List<ScoredToken> scores = [];
        AnswerTotals totals = null!;
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            text.Append(piece.Text);
            if (piece.Score is { } score) scores.Add(score);
            totals = piece.Totals ?? totals;
        }

        int offset = 0;
        CompletionChoice choice = new(0, text.ToString(), request.Logprobs is null ? null : Logprobs.Of(scores, tokenizer, ref offset), AnswerRun.Finish(totals));
        await ApiRoute.SendAsync(http, header with { Choices = [choice], Usage = AnswerRun.Usage(totals) }, ServerJson.Wire.Completion).ConfigureAwait(false);
    }

    private static async Task StreamAsync(HttpContext http, Completion header, CompletionRequest request, Tokenizer tokenizer, IAsyncEnumerable<AnswerPiece> pieces)
    {
        EventStream stream = new(http);
        int offset = 0;
        await stream.StartAsync().ConfigureAwait(false);
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            CompletionLogprobs? scores = piece.Score is { } score ? Logprobs.Of([score], tokenizer, ref offset) : null;
            CompletionChoice choice = new(0, piece.Text, scores, piece.Totals is { } last ? AnswerRun.Finish(last) : null);
            await stream.SendAsync(header with { Choices = [choice] }, ServerJson.Wire.Completion).ConfigureAwait(false);
            if (piece.Totals is { } totals && request.StreamOptions?.IncludeUsage == true)
                await stream.SendAsync(header with { Usage = AnswerRun.Usage(totals) }, ServerJson.Wire.Completion).ConfigureAwait(false);
        }

        await stream.DoneAsync().ConfigureAwait(false);
    }
}
