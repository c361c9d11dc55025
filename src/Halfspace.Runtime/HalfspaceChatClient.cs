using System.Runtime.CompilerServices;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Microsoft.Extensions.AI;

namespace Halfspace.Runtime;

/// <summary>
/// A model as an <see cref="IChatClient"/>. It keeps one context: a conversation that goes on is not read again. Requests wait for each other;
/// for several at once, make several clients over one model. Functions of <see cref="ChatOptions.Tools"/> are offered to the model and its
/// calls given as <see cref="FunctionCallContent"/>; JSON of <see cref="ChatOptions.ResponseFormat"/> is forced by a <see cref="Grammar"/>.
/// </summary>
public sealed class HalfspaceChatClient : IChatClient
{
    private readonly HalfspaceModel _model;
    private readonly ModelContext _context;
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>A client over a model, which stays the caller's to dispose.</summary>
    public HalfspaceChatClient(HalfspaceModel model, ContextOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _context = model.CreateContext(options);
    }

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in GetStreamingResponseAsync(messages, options, cancellationToken).ConfigureAwait(false))
            updates.Add(update);
        return updates.ToChatResponse();
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ToolSet tools = ChatRequest.Tools(options);
        int[] prompt = _model.EncodeChat(ChatRequest.Turns(messages, options), tools);
        GenerationOptions generation = ChatRequest.Generation(options, tools);
        ToolCallParser? calls = tools.Tools.Count > 0 ? new() : null;
        string id = Guid.NewGuid().ToString("N");
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await foreach (GeneratedText piece in _model.Generate(_context, prompt, generation, null, cancellationToken).ConfigureAwait(false))
            {
                bool isLast = piece.Finish != FinishReason.None;
                string text = calls is null ? piece.Text : calls.Append(piece.Text) + (isLast ? calls.Flush() : "");
                if (text.Length > 0) yield return Update(id, [new TextContent(text)]);
                if (isLast) yield return Last(id, prompt.Length, piece, calls?.Calls ?? []);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ChatClientMetadata)) return new ChatClientMetadata("halfspace", null, _model.Config.Name);
        return serviceType.IsInstanceOfType(this) ? this : serviceType.IsInstanceOfType(_model) ? _model : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _context.Dispose();
        _turn.Dispose();
    }

    private ChatResponseUpdate Last(string id, int prompt, GeneratedText piece, IReadOnlyList<ToolCall> calls)
    {
        UsageContent usage = new(new UsageDetails
        {
            InputTokenCount = prompt,
            OutputTokenCount = piece.Tokens,
            TotalTokenCount = prompt + piece.Tokens,
        });
        ChatResponseUpdate last = Update(id, [.. calls.Select(ChatRequest.Content), usage]);
        last.FinishReason = calls.Count > 0 ? ChatFinishReason.ToolCalls
            : piece.Finish == FinishReason.Stop ? ChatFinishReason.Stop
            : ChatFinishReason.Length;
        return last;
    }

    private ChatResponseUpdate Update(string id, IList<AIContent> contents) => new(ChatRole.Assistant, contents)
    {
        ResponseId = id,
        MessageId = id,
        ModelId = _model.Config.Name,
    };
}
