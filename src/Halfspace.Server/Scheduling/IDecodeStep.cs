using Halfspace.Runtime;

namespace Halfspace.Server.Scheduling;

/// <summary>Gives each of some contexts its next token.</summary>
internal interface IDecodeStep
{
    /// <summary>Reads one token into each context. If it throws, a context has read its token or is as it was before.</summary>
    /// <param name="contexts">Contexts of one model, each at most once.</param>
    /// <param name="tokens">A token for each.</param>
    void Read(ReadOnlySpan<ModelContext> contexts, ReadOnlySpan<int> tokens);
}

/// <summary>One context after another.</summary>
internal sealed class SequentialStep : IDecodeStep
{
    public void Read(ReadOnlySpan<ModelContext> contexts, ReadOnlySpan<int> tokens)
    {
        for (int i = 0; i < contexts.Length; i++) contexts[i].ReadOne(tokens[i]);
    }
}
