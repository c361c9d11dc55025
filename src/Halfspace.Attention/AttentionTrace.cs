using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>What the heads attended to in one decode step of one token: numbers of every head, and of one the keys with their weights.</summary>
/// <remarks>Heads write to places of their own, so any threads may take them. It allocates: a trace is for looking at a step, not for every step.</remarks>
public sealed class AttentionTrace
{
    private readonly TracedHead[] _heads;
    private readonly AttentionShape _shape;

    /// <summary>A trace of nothing yet.</summary>
    /// <param name="shape">The decoder's attention.</param>
    /// <param name="layer">The layer of the head whose keys are wanted.</param>
    /// <param name="head">Its query head.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer or head.</exception>
    public AttentionTrace(AttentionShape shape, int layer, int head)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, shape.Layers);
        ArgumentOutOfRangeException.ThrowIfNegative(head);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(head, shape.QueryHeads);
        _shape = shape;
        _heads = new TracedHead[shape.Layers * shape.QueryHeads];
        Layer = layer;
        Head = head;
    }

    /// <summary>The layer whose head's keys are kept.</summary>
    public int Layer { get; }

    /// <summary>The query head whose keys are kept.</summary>
    public int Head { get; }

    /// <summary>Positions that the head read exactly, ascending.</summary>
    public IReadOnlyList<int> Positions { get; private set; } = [];

    /// <summary>Their weights; with the tail's mass they sum to 1.</summary>
    public IReadOnlyList<float> Weights { get; private set; } = [];

    /// <summary>What a query head did.</summary>
    public TracedHead this[int layer, int head] => _heads[(layer * _shape.QueryHeads) + head];

    /// <summary>Takes the heads of a group that have ended.</summary>
    /// <param name="layer">Their layer.</param>
    /// <param name="group">Their KV head.</param>
    /// <param name="cache">Its keys.</param>
    /// <param name="queries">[group, d], scaled by 1/√d.</param>
    /// <param name="visible">Keys seen.</param>
    /// <param name="sparse">The step that they were taken with; null if densely.</param>
    internal void Take(int layer, int group, HeadCache cache, ReadOnlySpan<float> queries, int visible, SparseStep? sparse)
    {
        int first = group * _shape.Group, start = sparse is null ? 0 : cache.Index!.Tokens;
        int keys = visible - start + (sparse is null ? 0 : sparse.Read.Length);
        for (int g = 0; g < _shape.Group; g++)
        {
            TracedRow row = sparse is null ? new TracedRow(float.NaN, 0, 0) : sparse.Traced![g];
            _heads[(layer * _shape.QueryHeads) + first + g] = new TracedHead(keys, visible, row.Threshold, row.TailMass, row.Certificate);
            if (layer == Layer && first + g == Head)
                Keep(cache, queries.Slice(g * _shape.HeadDim, _shape.HeadDim), start, visible, keys, sparse is null ? [] : sparse.Read, row.TailMass);
        }
    }

    private void Keep(
        HeadCache cache, ReadOnlySpan<float> query, int start, int visible, int count, ReadOnlySpan<nint> read, double tail)
    {
        int[] positions = new int[count];
        Dictionary<nint, int> places = [];
        for (int i = 0; i < start; i++) places.Add(cache.Address(i), i);
        for (int i = 0; i < read.Length; i++) positions[i] = places[read[i]];
        for (int i = start; i < visible; i++) positions[read.Length + i - start] = i;
        Array.Sort(positions);
        nint[] addresses = [.. positions.Select(cache.Address)];
        float[] weights = new float[count];
        AttentionKernels kernels = AttentionKernels.For(Simd.Selected);
        kernels.ScoresAt(query, 1, addresses, query.Length, weights, count);
        float scale = (float)(1 - tail) / kernels.Exponentials(weights, kernels.Max(weights), weights);
        for (int i = 0; i < count; i++) weights[i] *= scale;
        (Positions, Weights) = (positions, weights);
    }
}
