using System.Numerics;
using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>ReLU^α attention of one position to one KV head, dense or sparse: <see cref="Begin"/>; for sparse attention every part of
/// <see cref="Report"/>; then every part of <see cref="Attend"/>, and <see cref="Finish"/>. Any threads may take parts.</summary>
/// <remarks>Keys are summed in order of position, and positions cut into runs and parts whatever is marked. A key that weighs nothing changes no bit of a
/// sum: so sparse attention gives the bits of dense attention.</remarks>
internal sealed class ReluStep : IDisposable
{
    // Positions whose keys are summed one after the other; sums of runs are added. One after the other, thousands of equal keys would round the same way.
    private const int Run = 2 * KeyValueCache.BlockTokens;

    private readonly AttentionFunction.Relu _relu;
    private readonly AttentionKernels _kernels;
    private readonly SketchReporter? _sketches;
    private readonly ScanReporter _scan;
    private readonly Buffer<float> _queries = new(), _biases = new(), _sums = new();
    private readonly Buffer<ulong> _marks = new();
    private HeadCache? _head;
    private int _group, _visible, _parts, _indexed;

    public ReluStep(HeadAttention attention)
    {
        Attention = attention;
        _relu = (AttentionFunction.Relu)attention.Function;
        _kernels = AttentionKernels.For(attention.Tier);
        _scan = new ScanReporter(_kernels);
        if (IsSparse && attention.Options.Scores == ScoreSource.Sketch) _sketches = new SketchReporter(_kernels, attention.Tier);
    }

    /// <summary>Whose step it is.</summary>
    public HeadAttention Attention { get; }

    /// <summary>Whether keys have to be reported.</summary>
    public bool IsSparse => Attention.Options.Mode == AttentionMode.Sparse;

    private int Words => (_visible + 63) / 64;

    /// <summary>The positions of a part: whole blocks, and what is left at the end.</summary>
    public static (int From, int To) Cut(int visible, int part, int parts)
    {
        const int Block = KeyValueCache.BlockTokens;
        long blocks = (visible + Block - 1) / Block;
        int from = (int)(blocks * part / parts) * Block, to = (int)(blocks * (part + 1) / parts) * Block;
        return (Math.Min(from, visible), Math.Min(to, visible));
    }

    /// <summary>Takes a position.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="queries">[group, d], scaled by 1/√d.</param>
    /// <param name="biases">[group]; empty for the function's own.</param>
    /// <param name="group">Query heads.</param>
    /// <param name="visible">Keys seen.</param>
    /// <param name="parts">Parts that <see cref="Report"/> and <see cref="Attend"/> will be called for.</param>
    public void Begin(HeadCache head, ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, int group, int visible, int parts)
    {
        (_head, _group, _visible, _parts) = (head, group, visible, parts);
        Span<float> own = _queries.Grown(group * head.Dim), rows = _biases.Grown(2 * group);
        queries.CopyTo(own);
        if (biases.IsEmpty) ReluRows.SetBiases(_relu, visible - 1, group, rows[..group]);
        else biases.CopyTo(rows);
        ReluRows.Normalise(_relu, own, rows[..group], rows[group..]);
        _indexed = _sketches?.Begin(Group) ?? 0;
        if (IsSparse) _marks.Grown((long)parts * Words);
        _sums.Grown((long)parts * PartLength);
    }

    /// <summary>Marks a part's keys for <see cref="Attend"/>: those of the index by their sketches, the others by their scores.</summary>
    public void Report(int part, AttentionScratch scratch)
    {
        Span<ulong> marks = _marks.All.Slice(part * Words, Words);
        marks.Clear();
        if (_indexed > 0) _sketches!.Report(Group, part, _parts, marks, scratch);
        (int from, int to) = Cut(_visible, part, _parts);
        if (to > _indexed) _scan.Report(Group, Math.Max(from, _indexed), to, marks, scratch);
    }

    /// <summary>Attends to a part of the positions.</summary>
    public void Attend(int part, AttentionScratch scratch)
    {
        (int from, int to) = Cut(_visible, part, _parts);
        Span<float> sums = _sums.All.Slice(part * PartLength, PartLength), work = scratch.Floats((_group * Run) + PartLength);
        Span<float> weights = work[..(_group * Run)], own = work[weights.Length..];
        Span<nint> marked = IsSparse ? scratch.Addresses(to - from) : [];
        sums.Clear();
        int count = IsSparse ? List(from, Math.Min(from + Run, to), marked) : 0, read = 0;
        for (int first = from; first < to; first += Run)
        {
            int end = Math.Min(first + Run, to);
            own.Clear();
            if (IsSparse)
            {
                // The memory of the next run's keys comes while this one's are taken.
                Span<nint> keys = marked[..count], left = marked[count..];
                count = List(end, Math.Min(end + Run, to), left);
                AttentionKernels.Ask(left[..count], _head!.ValueOffset, _head.Dim);
                AttendListed(keys, weights, own, scratch);
                read += keys.Length;
                marked = left;
            }
            else
            {
                AttendAll(first, end, weights, own, scratch);
                read += end - first;
            }
            for (int i = 0; i < sums.Length; i++) sums[i] += own[i];
        }
        scratch.Counters.KeysAttended += (long)read * _group;
    }

    /// <summary>Adds the parts and writes the outputs.</summary>
    /// <param name="output">[group, d].</param>
    /// <param name="scratch">Its counters are added to.</param>
    public void Finish(Span<float> output, AttentionScratch scratch)
    {
        Span<float> sums = _sums.All[..PartLength];
        for (int part = 1; part < _parts; part++)
        {
            ReadOnlySpan<float> more = _sums.All.Slice(part * PartLength, PartLength);
            for (int i = 0; i < sums.Length; i++) sums[i] += more[i];
        }
        int dim = _head!.Dim, empty = 0;
        for (int r = 0; r < _group; r++)
        {
            sums.Slice(_group + (r * dim), dim).CopyTo(output[(r * dim)..]);
            _kernels.Scale(output.Slice(r * dim, dim), ReluRows.Share(sums[r], _biases.All[_group + r]));
            empty += sums[r] > 0 ? 0 : 1;
        }
        scratch.Counters.CountRelu(_group, (long)_group * _visible, dense: !IsSparse, empty);
    }

    public void Dispose()
    {
        _queries.Dispose();
        _biases.Dispose();
        _sums.Dispose();
        _marks.Dispose();
        _sketches?.Dispose();
    }

    // Σ a of each row, then Σ a·v.
    private int PartLength => _group * (1 + _head!.Dim);

    private ReluGroup Group => new(_head!, _queries.All, _biases.All[.._group], _visible);

    // The addresses of the keys that any part has marked, of positions from a multiple of 64 on: none where that is the end.
    private int List(int from, int to, Span<nint> into)
    {
        int count = 0;
        for (int word = (from + 63) / 64; word * 64 < to; word++)
        {
            ulong marks = 0;
            for (int part = 0; part < _parts; part++) marks |= _marks.All[(part * Words) + word];
            for (; marks != 0; marks &= marks - 1) into[count++] = _head!.Address((word * 64) + BitOperations.TrailingZeroCount(marks));
        }
        return count;
    }

    private void AttendListed(ReadOnlySpan<nint> keys, Span<float> weights, Span<float> sums, AttentionScratch scratch)
    {
        _kernels.ScoresAt(_queries.All, _group, keys, _head!.Dim, weights, Run);
        Weigh(weights, keys.Length, sums, scratch);
        _kernels.AddValuesAt(weights, Run, _group, keys, _head.ValueOffset, _head.Dim, sums[_group..]);
    }

    private void AttendAll(int from, int to, Span<float> weights, Span<float> sums, AttentionScratch scratch)
    {
        const int Block = KeyValueCache.BlockTokens;
        int dim = _head!.Dim;
        for (int first = from; first < to; first += Block)
        {
            int count = Math.Min(Block, to - first), length = count * dim;
            _kernels.Scores(_queries.All, _group, _head.Keys(first / Block)[..length], dim, weights, Run);
            Weigh(weights, count, sums, scratch);
            _kernels.AddValues(weights, Run, _group, _head.Values(first / Block)[..length], dim, sums[_group..]);
        }
    }

    private void Weigh(Span<float> scores, int count, Span<float> sums, AttentionScratch scratch)
    {
        for (int r = 0; r < _group; r++)
        {
            Span<float> row = scores.Slice(r * Run, count);
            scratch.Counters.KeysUsed += _kernels.ReluWeights(row, _biases.All[r], _relu.Power, row, ref sums[r]);
        }
    }
}
