using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>A step whose thresholds are known before the scan: one <see cref="Sweep"/>, and keys read where they lie.</summary>
internal sealed class SweepStep : SparseStep
{
    private readonly AttentionKernels _kernels;
    private readonly Sweep _sweep;
    private readonly Buffer<float> _sums = new();
    private float[] _max = [], _sum = [];
    private HeadCache? _head;
    private int _group, _visible, _parts;

    public SweepStep(HeadAttention attention) : base(attention)
    {
        _kernels = AttentionKernels.For(attention.Tier);
        _sweep = new Sweep(attention);
    }

    public override ReadOnlySpan<nint> Read => _sweep.Read;

    public override bool Begin(HeadCache head, ReadOnlySpan<float> queries, int group, int visible, int parts)
    {
        _head = head;
        _group = group;
        _visible = visible;
        _parts = parts;
        if (_max.Length < (parts + 1) * group) (_max, _sum) = (new float[(parts + 1) * group], new float[(parts + 1) * group]);
        return _sweep.Begin(head, queries, group, 1, visible - 1, parts);
    }

    public override void Scan(int part, AttentionScratch scratch) => _sweep.Score(part, scratch);

    public override bool Select(AttentionScratch scratch)
    {
        if (!_sweep.Select()) return false;
        _sums.Grown((long)(_parts + 1) * PartLength);
        return true;
    }

    public override void Attend(int part, AttentionScratch scratch)
    {
        int read = _sweep.Read.Length, clusters = _sweep.Clusters, dim = Dim, group = _group;
        int from = (int)((long)read * part / _parts), to = (int)((long)read * (part + 1) / _parts), count = to - from;
        ReadOnlySpan<nint> addresses = _sweep.Read[from..to];
        // What lies anywhere in memory comes while the window is read.
        AttentionKernels.Ask(addresses, _head!.ValueOffset, dim);
        Span<float> sums = Sums(part);
        sums.Clear();
        if (part == 0) AttendWindow(scratch);
        for (int c = part; c < clusters; c += _parts) _sweep.Regress(c);
        for (int r = 0; r < group; r++) (_max[(part * group) + r], _sum[(part * group) + r]) = (float.NegativeInfinity, 0);
        if (count == 0) return;

        Span<float> weights = scratch.Floats((group + 1) * count), ones = weights[(group * count)..];
        _kernels.ScoresAt(_sweep.Queries, group, addresses, dim, weights, count);
        for (int r = 0; r < group; r++) Weigh(part, r, weights.Slice(r * count, count));
        ones.Fill(1);
        for (int c = 0; c < clusters; c++)
        {
            int first = Math.Max(from, _sweep.FirstRead(c)) - from, length = Math.Min(to, _sweep.FirstRead(c + 1)) - from - first;
            if (length <= 0) continue;
            _kernels.AddValuesAt(ones[..length], length, 1, addresses.Slice(first, length), _head.ValueOffset, dim, ReadSums(sums).Slice(c * dim, dim));
        }
        _kernels.AddValuesAt(weights[..(group * count)], count, group, addresses, _head.ValueOffset, dim, sums[..(group * dim)]);
    }

    public override bool Finish(Span<float> output, AttentionScratch scratch)
    {
        int dim = Dim;
        for (int part = 1; part <= _parts; part++)
        {
            for (int r = 0; r < _group; r++) Merge(part, r);
            if (part == _parts) break;
            Span<float> into = ReadSums(Sums(0)), from = ReadSums(Sums(part));
            for (int i = 0; i < into.Length; i++) into[i] += from[i];
        }
        _sweep.Close(ReadSums(Sums(0)));
        for (int r = 0; r < _group; r++)
        {
            double tail = scratch.Counters.TailMass, certificate = scratch.Counters.Certificate;
            _sweep.Finish(r, _max[r], _sum[r], Sums(0).Slice(r * dim, dim), output.Slice(r * dim, dim), ref scratch.Counters);
            if (Traced is { } traced)
                traced[r] = new(_sweep.Bias(r), scratch.Counters.TailMass - tail, scratch.Counters.Certificate - certificate);
        }
        return true;
    }

    public override void Dispose()
    {
        _sweep.Dispose();
        _sums.Dispose();
    }

    private int Dim => _head!.Dim;

    // Σw·v of each row, and Σv of each cluster's keys.
    private int PartLength => (_group + _sweep.Clusters) * Dim;

    private Span<float> Sums(int part) => _sums.All.Slice(part * PartLength, PartLength);

    private Span<float> ReadSums(Span<float> sums) => sums[(_group * Dim)..];

    private void Weigh(int part, int row, Span<float> scores)
    {
        float max = _kernels.Max(scores);
        _max[(part * _group) + row] = max;
        _sum[(part * _group) + row] = _kernels.Exponentials(scores, max, scores);
    }

    // The window counts as one more part.
    private void AttendWindow(AttentionScratch scratch)
    {
        int start = _head!.Index!.Tokens, count = _visible - start, dim = Dim, group = _group;
        Span<float> weights = scratch.Floats((long)group * count), values = Sums(_parts)[..(group * dim)];
        values.Clear();
        for (int first = start; first < _visible;)
        {
            (int block, int at, int take) = Together(first);
            _kernels.Scores(_sweep.Queries, group, _head.Keys(block).Slice(at * dim, take * dim), dim, weights[(first - start)..], count);
            first += take;
        }
        for (int r = 0; r < group; r++) Weigh(_parts, r, weights.Slice(r * count, count));
        for (int first = start; first < _visible;)
        {
            (int block, int at, int take) = Together(first);
            _kernels.AddValues(weights[(first - start)..], count, group, _head.Values(block).Slice(at * dim, take * dim), dim, values);
            first += take;
        }
    }

    // Keys of the window that lie together from one on: their block, where in it, and how many.
    private (int Block, int At, int Count) Together(int first)
    {
        int at = first % KeyValueCache.BlockTokens;
        return (first / KeyValueCache.BlockTokens, at, Math.Min(KeyValueCache.BlockTokens - at, _visible - first));
    }

    private void Merge(int part, int row)
    {
        int other = (part * _group) + row;
        if (_sum[other] == 0) return;
        Span<float> x = Sums(0).Slice(row * Dim, Dim), y = Sums(part).Slice(row * Dim, Dim);
        float max = MathF.Max(_max[row], _max[other]), p = _sum[row] == 0 ? 0 : MathF.Exp(_max[row] - max), q = MathF.Exp(_max[other] - max);
        for (int i = 0; i < x.Length; i++) x[i] = (p * x[i]) + (q * y[i]);
        _sum[row] = (p * _sum[row]) + (q * _sum[other]);
        _max[row] = max;
    }
}
