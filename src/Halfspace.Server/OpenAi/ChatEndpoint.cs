using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Saved;
using Halfspace.Server.Contexts;
using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi;

/// <summary><c>POST /v1/chat/completions</c>.</summary>
internal sealed class ChatEndpoint(HalfspaceServerOptions options, ModelRegistry models, SavedContexts contexts, TimeProvider clock)
{
    public async Task HandleAsync(HttpContext http)
    {
        ChatRequest request = await RequestBody.ReadAsync(http, ServerJson.Wire.ChatRequest, options.BodyTimeout).ConfigureAwait(false);
        ServedModel model = models.Find(request.Model);
        await AnswerRun.RunAsync(http, model, end =>
        {
            ToolSet? tools = ToolFields.Tools(request);
            GenerationJob job = model.Scheduler.Submit(Prepare(request, tools, model), end);
            long created = clock.GetUtcNow().ToUnixTimeSeconds();
            ChatAnswer answer = new(http, model.Name, created, request.Halfspace?.Context, tools is null ? null : new ToolCallParser());
            IAsyncEnumerable<AnswerPiece> pieces = job.Pieces(http.RequestAborted);
            return request.Stream == true ? answer.StreamAsync(pieces, request.StreamOptions?.IncludeUsage == true)
                : answer.SendAsync(pieces);
        }).ConfigureAwait(false);
    }

    private GenerationRequest Prepare(ChatRequest request, ToolSet? tools, ServedModel model)
    {
        if (request.TopLogprobs is not null && request.Logprobs != true)
            throw ApiException.Field("top_logprobs", "top_logprobs needs logprobs: true.");
        int top = Generation.TopLogprobs(request.TopLogprobs, "top_logprobs");
        int? max = request.MaxCompletionTokens ?? request.MaxTokens;
        GenerationOptions generation = Generation.Options(
            request, max, request.MaxCompletionTokens is null ? "max_tokens" : "max_completion_tokens", options) with
        {
            TopLogProbabilities = request.Logprobs == true ? top : null,
            Grammar = ToolFields.Grammar(request, tools),
        };
        (int[] prompt, SavedOpening? opening) = Prompt(contexts, request.Messages, request.Halfspace, tools, model);
        return new GenerationRequest(prompt, generation, Generation.Attention(request.Halfspace, model.Scheduler.Attention)) { Opening = opening };
    }

    /// <summary>A conversation's tokens, after a saved context if it names one.</summary>
    public static (int[] Tokens, SavedOpening? Opening) Prompt(
        SavedContexts contexts, List<ChatRequestMessage?>? messages, HalfspaceFields? fields, ToolSet? tools, ServedModel model)
    {
        List<ChatTurn> turns = ChatTurns.From(messages, "messages");
        SavedContext? saved = fields?.Context is { } name ? contexts.Find(name) : null;
        if (saved is not null) turns = SavedContexts.Following(saved, turns, "messages");
        int[] prompt = Generation.Fitting(ChatTurns.Encode(model.Model, turns, tools, "messages"), model, "messages");
        return (prompt, saved is null ? null : SavedContexts.Opening(saved));
    }
}
