using System.Text;
using Halfspace.Runtime;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Saved;
using Halfspace.Runtime.Tokenization;
using Halfspace.Server.Contexts;
using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi;

/// <summary><c>POST /v1/completions</c>: continues a text as it is, without the chat template.</summary>
internal sealed class CompletionEndpoint(HalfspaceServerOptions options, ModelRegistry models, SavedContexts contexts, TimeProvider clock)
{
    public async Task HandleAsync(HttpContext http)
    {
        CompletionRequest request =
            await RequestBody.ReadAsync(http, ServerJson.Wire.CompletionRequest, options.BodyTimeout).ConfigureAwait(false);
        ServedModel model = models.Find(request.Model);
        await AnswerRun.RunAsync(http, model, end =>
        {
            GenerationJob job = model.Scheduler.Submit(Prepare(request, model), end);
            long created = clock.GetUtcNow().ToUnixTimeSeconds();
            Completion header = new(AnswerFields.NewId("cmpl-"), "text_completion", created, model.Name, [], null);
            IAsyncEnumerable<AnswerPiece> pieces = job.Pieces(http.RequestAborted);
            return request.Stream == true ? StreamAsync(http, header, request, pieces) : SendAsync(http, header, request, pieces);
        }).ConfigureAwait(false);
    }

    private GenerationRequest Prepare(CompletionRequest request, ServedModel model)
    {
        if (request.Echo == true) throw ApiException.Unsupported("echo", "echo is not supported; leave it out.");
        if (request.BestOf is not (null or 1)) throw ApiException.Unsupported("best_of", "best_of is not supported; leave it out.");
        if (request.Suffix is { Length: > 0 }) throw ApiException.Unsupported("suffix", "suffix is not supported; leave it out.");
        SavedContext? saved = request.Halfspace?.Context is { } name ? contexts.Find(name) : null;
        int top = Generation.TopLogprobs(request.Logprobs, "logprobs");
        // OpenAI's default is 16 tokens; here, as in a chat, an answer goes on until the model ends it.
        GenerationOptions generation = Generation.Options(request, request.MaxTokens, "max_tokens", options) with
        {
            TopLogProbabilities = request.Logprobs is null ? null : top,
        };
        return new GenerationRequest(Generation.Fitting(Encode(request.Prompt, saved, model.Model), model, "prompt"), generation,
            Generation.Attention(request.Halfspace, model.Scheduler.Attention))
        {
            Opening = saved is null ? null : SavedContexts.Opening(saved),
        };
    }

    private static int[] Encode(PromptText? prompt, SavedContext? saved, HalfspaceModel model)
    {
        if (prompt is null) throw ApiException.Field("prompt", "prompt is missing; give a text.");
        Tokenizer tokenizer = model.Tokenizer;
        if (saved is not null)
            return SavedContexts.Following(
                saved, prompt.Text ?? throw ApiException.Field("prompt", "After a saved context prompt must be a text."), model);
        // Only what the model wrote may hold control tokens: a text from outside stays text.
        if (prompt.Text is not null) return tokenizer.Encode(prompt.Text, parseSpecial: false, tokenizer.AddBos);
        foreach (int id in prompt.Ids!)
            if ((uint)id >= (uint)tokenizer.VocabularySize)
                throw ApiException.Field("prompt", $"prompt has the token {id}; ids are 0 to {tokenizer.VocabularySize - 1}.");
        return prompt.Ids;
    }

    private static async Task SendAsync(HttpContext http, Completion header, CompletionRequest request,
        IAsyncEnumerable<AnswerPiece> pieces)
    {
        StringBuilder text = new();
        List<TokenLogProbability> tokens = [];
        AnswerTotals totals = null!;
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            text.Append(piece.Text);
            tokens.AddRange(piece.Tokens);
            totals = piece.Totals ?? totals;
        }

        int offset = 0;
        CompletionChoice choice = new(0, text.ToString(), Logprobs.Of(tokens, ref offset), AnswerFields.Finish(totals));
        await ApiRoute.SendAsync(http, header with
        {
            Choices = [choice],
            Usage = AnswerFields.Usage(totals),
            Halfspace = AnswerFields.Report(totals, request.Halfspace?.Context),
        }, ServerJson.Wire.Completion).ConfigureAwait(false);
    }

    private static async Task StreamAsync(HttpContext http, Completion header, CompletionRequest request,
        IAsyncEnumerable<AnswerPiece> pieces)
    {
        EventStream stream = new(http);
        int offset = 0;
        await stream.StartAsync().ConfigureAwait(false);
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            CompletionChoice choice = new(
                0, piece.Text, Logprobs.Of(piece.Tokens, ref offset), piece.Totals is { } last ? AnswerFields.Finish(last) : null);
            Completion chunk = header with { Choices = [choice] };
            if (piece.Totals is { } end) chunk = chunk with { Halfspace = AnswerFields.Report(end, request.Halfspace?.Context) };
            await stream.SendAsync(chunk, ServerJson.Wire.Completion).ConfigureAwait(false);
            if (piece.Totals is { } totals && request.StreamOptions?.IncludeUsage == true)
                await stream.SendAsync(header with { Usage = AnswerFields.Usage(totals) }, ServerJson.Wire.Completion)
                    .ConfigureAwait(false);
        }

        await stream.DoneAsync().ConfigureAwait(false);
    }
}
