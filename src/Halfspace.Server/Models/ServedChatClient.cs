using System.Runtime.CompilerServices;
using Halfspace.Runtime;
using Microsoft.Extensions.AI;

namespace Halfspace.Server.Models;

/// <summary>A model of the server as an <see cref="IChatClient"/> within its application, with a context beside the slots. It waits for
/// the model to be loaded, and its requests wait for each other.</summary>
internal sealed class ServedChatClient(ModelRegistry models, string? name) : IChatClient
{
    private readonly Lock _gate = new();
    private HalfspaceChatClient? _client;

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        HalfspaceChatClient client = await ClientAsync(cancellationToken).ConfigureAwait(false);
        return await client.GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        HalfspaceChatClient client = await ClientAsync(cancellationToken).ConfigureAwait(false);
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(messages, options, cancellationToken)
            .ConfigureAwait(false))
            yield return update;
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        return serviceType == typeof(ChatClientMetadata) ? new ChatClientMetadata("halfspace", null, name)
            : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _client?.Dispose();

    private async Task<HalfspaceChatClient> ClientAsync(CancellationToken cancellation)
    {
        await models.LoadedAsync(cancellation).ConfigureAwait(false);
        ServedModel model = models.Find(name);
        lock (_gate) return _client ??= new HalfspaceChatClient(model.Model, model.Context);
    }
}
