using Halfspace.Runtime;

namespace Halfspace.Server.Scheduling;

/// <summary>A context and the work that it is busy with. Between two it keeps its tokens for prompts that begin alike.</summary>
/// <param name="create">Makes an empty context.</param>
/// <param name="open">Opens a saved one.</param>
internal sealed class Slot(Func<ModelContext> create, Func<string, ModelContext> open) : IDisposable
{
    private ModelContext? _context;
    private int _read;

    /// <summary>The work; null if the slot is free.</summary>
    public SlotJob? Job { get; private set; }

    /// <summary>Whether the prompt is still being read.</summary>
    public bool IsReading => Job is { } job && _read < job.Prompt.Length;

    /// <summary>Whether a token is to be read.</summary>
    public bool IsDecoding => Job is { WantsToken: true } job && _read == job.Prompt.Length;

    /// <summary>When it was last given work; 0 for never.</summary>
    public long LastUsed { get; private set; }

    /// <summary>The context; made at the first use.</summary>
    public ModelContext Context => _context ??= create();

    /// <summary>Tokens that the context and a prompt share.</summary>
    public int Shared(ReadOnlySpan<int> prompt) => _context is { } context ? context.Tokens.CommonPrefixLength(prompt) : 0;

    /// <summary>Takes work on.</summary>
    public void Reserve(SlotJob job) => Job = job;

    /// <summary>Brings the context to what it shares with the prompt.</summary>
    public void Begin(long time)
    {
        SlotJob job = Job!;
        LastUsed = time;
        _read = 0;
        if (job.Opening is { } opening && Shared(job.Prompt) < Math.Min(opening.Tokens, job.Prompt.Length - 1))
        {
            Discard();
            _context = open(opening.Name);
        }

        // The last token is always read: its logits are wanted.
        int shared = Math.Min(Shared(job.Prompt), job.Prompt.Length - 1);
        Context.Rewind(shared);
        job.Begin(Context, shared);
        _read = shared;
    }

    /// <summary>Reads the next chunk of the prompt and goes on when that was the last.</summary>
    public void ReadChunk(int most)
    {
        SlotJob job = Job!;
        int count = Math.Min(most, job.Prompt.Length - _read);
        Context.Read(job.Prompt.AsSpan(_read, count), null, job.Cancellation);
        _read += count;
        job.Progress(_read);
        if (_read == job.Prompt.Length) job.Step(Context);
    }

    /// <summary>Forgets the context.</summary>
    public void Discard()
    {
        _context?.Dispose();
        _context = null;
    }

    /// <summary>Lets the work go.</summary>
    public void Free() => Job = null;

    public void Dispose() => Discard();
}
