using Halfspace.Runtime;

namespace Halfspace.Server.Scheduling;

/// <summary>Work that occupies a slot: its prompt is read, then it takes steps or ends. The scheduler's thread drives it.</summary>
internal abstract class SlotJob(int[] prompt, CancellationToken cancellation)
{
    private volatile bool _ended;

    /// <summary>The prompt's tokens.</summary>
    public int[] Prompt { get; } = prompt;

    /// <summary>Ends it, e.g. as its client has gone.</summary>
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>The saved context that the prompt begins with, if there is one.</summary>
    public virtual SavedOpening? Opening => null;

    /// <summary>Whether it has ended.</summary>
    public bool Ended
    {
        get => _ended;
        protected set => _ended = value;
    }

    /// <summary>Whether the context is in use by another thread, so that its slot cannot be taken away.</summary>
    public virtual bool IsHeld => false;

    /// <summary>Whether the context is to read <see cref="Token"/> next.</summary>
    public virtual bool WantsToken => false;

    /// <summary>The token to read next.</summary>
    public virtual int Token => throw new InvalidOperationException("This work has no tokens.");

    /// <summary>Begins in a context that knows the first tokens of the prompt.</summary>
    public virtual void Begin(ModelContext context, int cached)
    {
    }

    /// <summary>Told after each chunk how many tokens of the prompt are read.</summary>
    public virtual void Progress(int read)
    {
    }

    /// <summary>Goes on after the context has read the prompt or the last token.</summary>
    public abstract void Step(ModelContext context);

    /// <summary>Ends it with an error; null if it was cancelled.</summary>
    public abstract void Fail(Exception? e);
}

/// <summary>A saved context at the beginning of a prompt.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Tokens">Tokens it has read.</param>
internal sealed record SavedOpening(string Name, int Tokens);
