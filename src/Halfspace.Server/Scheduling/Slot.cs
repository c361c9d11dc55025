using Halfspace.Runtime;

namespace Halfspace.Server.Scheduling;

/// <summary>A context and the answer that it is busy with. Between answers it keeps its tokens for prompts that begin alike.</summary>
internal sealed class Slot(Func<ModelContext> create) : IDisposable
{
    private ModelContext? _context;
    private int _read;

    /// <summary>The answer in work; null if the slot is free.</summary>
    public GenerationJob? Job { get; private set; }

    /// <summary>Whether the prompt is still being read.</summary>
    public bool IsReading => Job is { } job && _read < job.Prompt.Length;

    /// <summary>Whether tokens are being generated.</summary>
    public bool IsDecoding => Job is { } job && _read == job.Prompt.Length;

    /// <summary>When it was last given an answer; 0 for never.</summary>
    public long LastUsed { get; private set; }

    /// <summary>The context; made at the first use.</summary>
    public ModelContext Context => _context ??= create();

    /// <summary>Tokens that the context and a prompt share.</summary>
    public int Shared(ReadOnlySpan<int> prompt) => _context is { } context ? context.Tokens.CommonPrefixLength(prompt) : 0;

    /// <summary>Takes an answer on.</summary>
    public void Reserve(GenerationJob job) => Job = job;

    /// <summary>Brings the context to what it shares with the prompt.</summary>
    public void Begin(long time)
    {
        GenerationJob job = Job!;
        LastUsed = time;
        // The last token is always read: its logits are wanted.
        _read = Math.Min(Shared(job.Prompt), job.Prompt.Length - 1);
        Context.Rewind(_read);
        job.Begin(Context, _read);
    }

    /// <summary>Reads the next chunk of the prompt and, when that was the last, chooses the first token.</summary>
    public void ReadChunk(int most)
    {
        GenerationJob job = Job!;
        int count = Math.Min(most, job.Prompt.Length - _read);
        Context.Read(job.Prompt.AsSpan(_read, count), null, job.Cancellation);
        _read += count;
        if (_read == job.Prompt.Length) job.Choose(Context);
    }

    /// <summary>Lets the answer go.</summary>
    public void Free() => Job = null;

    public void Dispose() => _context?.Dispose();
}
