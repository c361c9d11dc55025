using Halfspace.Attention;
using Halfspace.Runtime;

namespace Halfspace.Server.Scheduling;

/// <summary>A token that is read again to see what its heads attend to.</summary>
/// <param name="before">The tokens before it, at least one.</param>
/// <param name="token">The token.</param>
/// <param name="opening">The saved context that they begin with, if there is one.</param>
/// <param name="attention">How to attend.</param>
/// <param name="trace">Filled.</param>
/// <param name="cancellation">Ends it.</param>
internal sealed class LensJob(
    int[] before, int token, SavedOpening? opening, AttentionOptions attention, AttentionTrace trace, CancellationToken cancellation)
    : SlotJob(before, cancellation)
{
    private readonly TaskCompletionSource<AttentionTrace> _traced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The filled trace.</summary>
    public Task<AttentionTrace> Traced => _traced.Task;

    /// <inheritdoc/>
    public override SavedOpening? Opening => opening;

    /// <inheritdoc/>
    public override void Step(ModelContext context)
    {
        context.Attend(attention);
        context.ReadTraced(token, trace, Cancellation);
        Ended = true;
        _traced.TrySetResult(trace);
    }

    /// <inheritdoc/>
    public override void Fail(Exception? e)
    {
        Ended = true;
        if (e is null) _traced.TrySetCanceled(Cancellation);
        else _traced.TrySetException(e);
    }
}
