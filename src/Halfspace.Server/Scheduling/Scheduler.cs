using System.Diagnostics;
using Halfspace.Attention;
using Halfspace.Runtime;
using Halfspace.Runtime.Saved;
using Halfspace.Server.Http;
using Halfspace.Server.Metrics;

namespace Halfspace.Server.Scheduling;

/// <summary>
/// Answers the requests of one model. A thread of its own goes round: it gives waiting requests to free slots in the order they came,
/// reads one chunk of one prompt, and lets all answers that are being written go on by one token, in one run of the model.
/// </summary>
internal sealed partial class Scheduler : IDisposable
{
    // Below this a shared beginning is the template's and not a conversation's.
    private const int WorthKeeping = 32;

    private readonly HalfspaceModel _model;
    private readonly HalfspaceServerOptions _options;
    private readonly ContextBatch _batch;
    private readonly int _wholeChunk;
    private readonly ModelMetrics _metrics;
    private readonly ILogger _log;
    private readonly Slot[] _slots;
    private readonly ModelContext[] _contexts;
    private readonly int[] _tokens;
    private readonly Slot[] _stepping;
    private readonly LinkedList<SlotJob> _queue = [];
    private readonly Lock _gate = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _worker;
    private volatile bool _stopped;
    private int _inFlight, _nextReader;
    private volatile int _waiting, _busy;
    private double _seconds = 1;

    public Scheduler(HalfspaceModel model, ContextOptions context, HalfspaceServerOptions options, ContextStore? store,
        ModelMetrics metrics, ILogger log)
    {
        _model = model;
        _options = options;
        _batch = model.CreateBatch();
        _metrics = metrics;
        _log = log;
        _wholeChunk = Math.Max(options.ChunkTokens, context.ChunkTokens);
        ContextOptions whole = context with { ChunkTokens = _wholeChunk };
        _slots = [.. Enumerable.Range(0, options.Slots).Select(_ => new Slot(
            () => model.CreateContext(whole),
            name => store!.Open(model, name, whole)))];
        Attention = context.Attention;
        _contexts = new ModelContext[options.Slots];
        _tokens = new int[options.Slots];
        _stepping = new Slot[options.Slots];
        ContextLimit = _slots[0].Context.Limit;
        metrics.Watch(() => _waiting, () => _busy);
        _worker = new Thread(Work) { IsBackground = true, Name = "Halfspace scheduler" };
        _worker.Start();
    }

    /// <summary>The most tokens of a prompt and its answer.</summary>
    public int ContextLimit { get; }

    /// <summary>How answers attend that ask for nothing else.</summary>
    public AttentionOptions Attention { get; }

    /// <summary>Requests that are being answered or wait.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Takes a place among the requests, before any work is done for it; <see cref="Leave"/> gives it back.</summary>
    /// <exception cref="ApiException">All places are taken.</exception>
    public void Enter()
    {
        if (Interlocked.Increment(ref _inFlight) <= _options.Slots + _options.Queue) return;
        Leave();
        _metrics.Refused();
        throw new ApiException(StatusCodes.Status429TooManyRequests, "Too many requests are waiting for this model; try again later.",
            null, "queue_full")
        {
            RetryAfter = TimeSpan.FromSeconds(Math.Clamp(Volatile.Read(ref _seconds), 1, 60)),
        };
    }

    /// <summary>Gives a place back.</summary>
    public void Leave() => Interlocked.Decrement(ref _inFlight);

    /// <summary>Queues an answer for a request that has a place.</summary>
    public GenerationJob Submit(GenerationRequest request, CancellationToken cancellation)
    {
        GenerationJob job = new(request, _model.Tokenizer, _metrics, cancellation);
        Queue(job);
        return job;
    }

    /// <summary>Queues a document to be read and saved, for a request that has a place.</summary>
    /// <param name="tokens">The document's opening, at least one token.</param>
    /// <param name="save">Saves the context.</param>
    /// <param name="cancellation">Ends it.</param>
    public ContextJob Submit(int[] tokens, Func<ModelContext, CancellationToken, Task<SavedContext>> save, CancellationToken cancellation)
    {
        ContextJob job = new(tokens, save, () => _wake.Set(), cancellation);
        Queue(job);
        return job;
    }

    /// <summary>Queues a look at a token, for a request that has a place.</summary>
    public void Submit(LensJob job) => Queue(job);

    private void Queue(SlotJob job)
    {
        lock (_gate)
        {
            if (_stopped) throw ApiException.Unavailable("The server is stopping.");
            _queue.AddLast(job);
        }

        _wake.Set();
    }

    /// <summary>Ends all answers and the thread.</summary>
    public void Dispose()
    {
        lock (_gate) _stopped = true;
        _wake.Set();
        _worker.Join();
        foreach (Slot slot in _slots) slot.Dispose();
        _batch.Dispose();
        // A save that has just ended may still wake what has gone: the handle is left to its finaliser.
    }

    private void Work()
    {
        while (!_stopped)
        {
            Sweep();
            Admit();
            Count();
            bool worked = ReadOne();
            worked |= Decode();
            if (!worked) _wake.WaitOne();
        }

        // What is being saved is saved first.
        while (Array.Exists(_slots, static slot => slot.Job is { IsHeld: true })) _wake.WaitOne();
        foreach (Slot slot in _slots)
            if (slot.Job is { Ended: false } job) job.Fail(null);
        foreach (SlotJob job in _queue) job.Fail(null);
    }

    private void Count()
    {
        int busy = 0;
        foreach (Slot slot in _slots) busy += slot.Job is null ? 0 : 1;
        _busy = busy;
        lock (_gate) _waiting = _queue.Count;
    }

    /// <summary>Lets go what has ended elsewhere or was cancelled.</summary>
    private void Sweep()
    {
        foreach (Slot slot in _slots)
        {
            if (slot.Job is not { } job || job.IsHeld) continue;
            if (!job.Ended && job.Cancellation.IsCancellationRequested) job.Fail(null);
            if (job.Ended) slot.Free();
        }

        lock (_gate)
        {
            for (LinkedListNode<SlotJob>? node = _queue.First, next; node is not null; node = next)
            {
                next = node.Next;
                if (!node.Value.Cancellation.IsCancellationRequested) continue;
                node.Value.Fail(null);
                _queue.Remove(node);
            }
        }
    }

    private void Admit()
    {
        while (Array.Exists(_slots, static slot => slot.Job is null))
        {
            SlotJob job;
            lock (_gate)
            {
                if (_queue.First is not { } first) return;
                job = first.Value;
                _queue.RemoveFirst();
            }

            Slot slot = Choose(job.Prompt);
            slot.Reserve(job);
            Guard(slot, job, static (slot, _) => slot.Begin(Stopwatch.GetTimestamp()), 0);
        }
    }

    /// <summary>The free slot that knows most of a prompt; if none knows much of it, the one that was not used for longest.</summary>
    private Slot Choose(int[] prompt)
    {
        Slot[] free = [.. _slots.Where(slot => slot.Job is null)];
        Slot best = free.MaxBy(slot => slot.Shared(prompt))!;
        return best.Shared(prompt) >= Math.Min(WorthKeeping, prompt.Length - 1) ? best : free.MinBy(slot => slot.LastUsed)!;
    }

    /// <summary>Reads a chunk of one prompt, the slots taking turns; a short chunk if answers wait for their next token
    /// meanwhile.</summary>
    private bool ReadOne()
    {
        int chunk = Array.Exists(_slots, static slot => slot.IsDecoding) ? _options.ChunkTokens : _wholeChunk;
        for (int i = 0; i < _slots.Length; i++)
        {
            Slot slot = _slots[(_nextReader + i) % _slots.Length];
            if (!slot.IsReading) continue;
            _nextReader = (_nextReader + i + 1) % _slots.Length;
            Guard(slot, slot.Job!, static (slot, chunk) => slot.ReadChunk(chunk), chunk);
            return true;
        }

        return false;
    }

    /// <summary>Lets every answer that is being written go on by one token.</summary>
    private bool Decode()
    {
        int count = 0;
        foreach (Slot slot in _slots)
        {
            if (!slot.IsDecoding) continue;
            _stepping[count] = slot;
            _contexts[count] = slot.Context;
            _tokens[count++] = slot.Job!.Token;
        }

        if (count == 0) return false;
        Step(count);
        for (int i = 0; i < count; i++)
        {
            Slot slot = _stepping[i];
            if (slot.Job is { } job) Guard(slot, job, static (slot, _) => slot.Job!.Step(slot.Context), 0);
        }

        return true;
    }

    private void Step(int count)
    {
        Span<int> before = stackalloc int[count];
        for (int i = 0; i < count; i++) before[i] = _contexts[i].Count;
        try
        {
            _batch.ReadOne(_contexts.AsSpan(0, count), _tokens.AsSpan(0, count));
        }
        catch (Exception e)
        {
            // One by one, so that only the answer that fails is lost.
            LogFailure(_log, e);
            for (int i = 0; i < count; i++)
            {
                Slot slot = _stepping[i];
                if (slot.Context.Count == before[i])
                    Guard(slot, slot.Job!, static (slot, token) => slot.Context.ReadOne(token), _tokens[i]);
            }
        }
    }

    /// <summary>Does something for an answer; if that fails, the answer fails and nothing else.</summary>
    private void Guard(Slot slot, SlotJob job, Action<Slot, int> action, int argument)
    {
        try
        {
            action(slot, argument);
        }
        catch (OperationCanceledException) when (job.Cancellation.IsCancellationRequested)
        {
            job.Fail(null);
        }
        catch (ModelException e) when (job.Opening is not null)
        {
            slot.Discard();
            job.Fail(new ApiException(StatusCodes.Status409Conflict, e.Message, "halfspace.context"));
        }
        catch (Exception e)
        {
            LogFailure(_log, e);
            // Whatever the context is like now, nobody else gets it.
            slot.Discard();
            job.Fail(ApiException.Internal());
        }

        if (!job.Ended) return;
        if (slot.LastUsed > 0) _seconds += (Stopwatch.GetElapsedTime(slot.LastUsed).TotalSeconds - _seconds) / 8;
        slot.Free();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "An answer failed.")]
    private static partial void LogFailure(ILogger log, Exception e);
}
