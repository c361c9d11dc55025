using System.Runtime.CompilerServices;
using System.Text;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Microsoft.Extensions.AI;

namespace Halfspace.Runtime;

/// <summary>
/// A model as an <see cref="IChatClient"/>. It keeps one context: a conversation that goes on is not read again. Requests wait for each other;
/// for several at once, make several clients over one model.
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
        int[] prompt = _model.EncodeChat(Turns(messages, options));
        GenerationOptions generation = Generation(options);
        string id = Guid.NewGuid().ToString("N");
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await foreach (GeneratedText piece in _model.Generate(_context, prompt, generation, null, cancellationToken).ConfigureAwait(false))
            {
                if (piece.Text.Length > 0) yield return Update(id, new TextContent(piece.Text));
                if (piece.Finish == FinishReason.None) continue;
                ChatResponseUpdate last = Update(id, new UsageContent(new UsageDetails
                {
                    InputTokenCount = prompt.Length,
                    OutputTokenCount = piece.Tokens,
                    TotalTokenCount = prompt.Length + piece.Tokens,
                }));
                last.FinishReason = piece.Finish == FinishReason.Stop ? ChatFinishReason.Stop : ChatFinishReason.Length;
                yield return last;
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

    private ChatResponseUpdate Update(string id, AIContent content) => new(ChatRole.Assistant, [content])
    {
        ResponseId = id,
        MessageId = id,
        ModelId = _model.Config.Name,
    };

    private static List<ChatTurn> Turns(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        List<ChatTurn> turns = [];
        if (options?.Instructions is { Length: > 0 } instructions) turns.Add(new ChatTurn("system", instructions));
        foreach (ChatMessage message in messages)
        {
            StringBuilder text = new();
            foreach (AIContent content in message.Contents)
                _ = content is TextContent piece ? text.Append(piece.Text)
                    : throw new NotSupportedException($"A message holds {content.GetType().Name}; only text can be given to this model.");
            turns.Add(new ChatTurn(message.Role.Value, text.ToString()));
        }

        return turns;
    }

    private static GenerationOptions Generation(ChatOptions? options)
    {
        SamplingOptions sampling = new();
        if (options is null) return new GenerationOptions { Sampling = sampling };
        if (options.Tools is { Count: > 0 }) throw new NotSupportedException("Tools are not supported; send the request without them.");
        if (options.ResponseFormat is ChatResponseFormatJson) throw new NotSupportedException("JSON as response format is not supported; ask for text.");
        return new GenerationOptions
        {
            MaxTokens = options.MaxOutputTokens ?? 0,
            Stop = options.StopSequences is { } stops ? [.. stops] : [],
            Sampling = sampling with
            {
                Temperature = options.Temperature ?? sampling.Temperature,
                TopP = options.TopP ?? sampling.TopP,
                TopK = options.TopK ?? sampling.TopK,
                Seed = options.Seed is { } seed ? unchecked((ulong)seed) : sampling.Seed,
            },
        };
    }
}
