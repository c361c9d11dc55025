using System.Threading.Channels;
using Halfspace.Runtime;
using Halfspace.Runtime.Saved;

namespace Halfspace.Server.Scheduling;

/// <summary>A document that is read in a slot and saved.</summary>
/// <param name="tokens">The tokens of its opening.</param>
/// <param name="save">Saves the context once they are read.</param>
/// <param name="wake">Wakes the scheduler when it is saved.</param>
/// <param name="cancellation">Ends the reading; a file that is being written is given up.</param>
internal sealed class ContextJob(
    int[] tokens, Func<ModelContext, CancellationToken, Task<SavedContext>> save, Action wake, CancellationToken cancellation)
    : SlotJob(tokens, cancellation)
{
    private readonly Channel<int> _progress = Channel.CreateUnbounded<int>(new() { SingleReader = true, SingleWriter = true });
    private readonly TaskCompletionSource<SavedContext> _saved = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _saving;

    /// <inheritdoc/>
    public override bool IsHeld => _saving && !Ended;

    /// <summary>The saved context.</summary>
    public Task<SavedContext> Saved => _saved.Task;

    /// <summary>How many tokens are read, after each chunk.</summary>
    public IAsyncEnumerable<int> ReadAsync(CancellationToken cancellation) => _progress.Reader.ReadAllAsync(cancellation);

    /// <inheritdoc/>
    public override void Begin(ModelContext context, int cached) => Progress(cached);

    /// <inheritdoc/>
    public override void Progress(int read) => _progress.Writer.TryWrite(read);

    /// <inheritdoc/>
    public override void Step(ModelContext context)
    {
        _saving = true;
        _ = SaveAsync(context);
    }

    /// <inheritdoc/>
    public override void Fail(Exception? e)
    {
        Ended = true;
        _progress.Writer.TryComplete();
        if (e is null) _saved.TrySetCanceled(Cancellation);
        else _saved.TrySetException(e);
    }

    private async Task SaveAsync(ModelContext context)
    {
        try
        {
            _saved.TrySetResult(await save(context, Cancellation).ConfigureAwait(false));
            Ended = true;
            _progress.Writer.TryComplete();
        }
        catch (Exception e)
        {
            Fail(e is OperationCanceledException ? null : e);
        }

        wake();
    }
}
