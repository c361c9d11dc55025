using Halfspace.Attention;

namespace Halfspace.Runtime.Operators;

/// <summary>Attention scratch for as many threads as come: made when all are out, kept for the next work item.</summary>
internal sealed class ScratchPool : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Stack<AttentionScratch> _free = new();
    private readonly List<AttentionScratch> _all = [];

    /// <summary>A scratch that nobody else has.</summary>
    public AttentionScratch Take()
    {
        lock (_lock)
        {
            if (_free.TryPop(out AttentionScratch? scratch)) return scratch;
            scratch = new AttentionScratch();
            _all.Add(scratch);
            _free.EnsureCapacity(_all.Count);
            return scratch;
        }
    }

    /// <summary>Gives a scratch back.</summary>
    public void Return(AttentionScratch scratch)
    {
        lock (_lock) _free.Push(scratch);
    }

    /// <summary>Adds all counters into <paramref name="sum"/> and sets them to zero. Nobody may hold a scratch.</summary>
    public void Collect(ref AttentionCounters sum)
    {
        foreach (AttentionScratch scratch in _all)
        {
            sum.Add(in scratch.Counters);
            scratch.Counters.Reset();
        }
    }

    public void Dispose()
    {
        foreach (AttentionScratch scratch in _all) scratch.Dispose();
        _all.Clear();
        _free.Clear();
    }
}
