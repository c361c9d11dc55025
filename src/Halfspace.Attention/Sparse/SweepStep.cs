using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>A step whose thresholds are known before the scan: one <see cref="Sweep"/>, and keys read where they lie.</summary>
internal sealed class SweepStep : SparseStep
{
    private readonly AttentionKernels _kernels;
    private readonly Sweep _sweep;
    private readonly ExactParts _exact;
    private HeadCache? _head;
    private int _group, _visible, _parts;

    public SweepStep(HeadAttention attention) : base(attention)
    {
        _kernels = AttentionKernels.For(attention.Tier);
        _sweep = new Sweep(attention);
        _exact = new ExactParts(_kernels);
    }

    public override ReadOnlySpan<nint> Read => _sweep.Marks.Read;

    public override bool Begin(HeadCache head, ReadOnlySpan<float> queries, int group, int visible, int parts)
    {
        _head = head;
        _group = group;
        _visible = visible;
        _parts = parts;
        return _sweep.Begin(head, queries, group, visible, parts);
    }

    public override void Scan(int part, AttentionScratch scratch) => _sweep.Score(part, scratch);

    public override bool Select(AttentionScratch scratch)
    {
        if (!_sweep.Select()) return false;
        // Σv of each cluster's keys.
        _exact.Begin(_head!, _group, _visible, _parts, _sweep.Clusters * Dim);
        return true;
    }

    public override void Attend(int part, AttentionScratch scratch)
    {
        IndexMarks marks = _sweep.Marks;
        int clusters = _sweep.Clusters, dim = Dim, group = _group;
        (int from, int to) = marks.ReadOfPart(part, _parts);
        int count = to - from;
        ReadOnlySpan<nint> addresses = marks.Read[from..to];
        // What lies anywhere in memory comes while the window is read.
        AttentionKernels.Ask(addresses, _head!.ValueOffset, dim);
        _exact.Clear(part);
        if (part == 0) _exact.AttendWindow(_sweep.Queries, scratch);
        for (int c = part; c < clusters; c += _parts) _sweep.Regress(c);
        if (count == 0) return;

        Span<float> weights = scratch.Floats((group + 1) * count), ones = weights[(group * count)..];
        _kernels.ScoresAt(_sweep.Queries, group, addresses, dim, weights, count);
        for (int r = 0; r < group; r++) _exact.Weigh(part, r, weights.Slice(r * count, count));
        ones.Fill(1);
        for (int c = 0; c < clusters; c++)
        {
            (int first, int length) = marks.Run(c, from, to);
            if (length == 0) continue;
            _kernels.AddValuesAt(ones[..length], length, 1, addresses.Slice(first, length), _head.ValueOffset, dim, _exact.Extra(part).Slice(c * dim, dim));
        }
        _kernels.AddValuesAt(weights[..(group * count)], count, group, addresses, _head.ValueOffset, dim, _exact.Values(part));
    }

    public override bool Finish(Span<float> output, AttentionScratch scratch)
    {
        int dim = Dim;
        _exact.Merge();
        _sweep.Close(_exact.Extra(0));
        for (int r = 0; r < _group; r++)
        {
            double tail = scratch.Counters.TailMass, certificate = scratch.Counters.Certificate;
            _sweep.Finish(r, _exact.Max(r), _exact.Sum(r), _exact.Values(0).Slice(r * dim, dim), output.Slice(r * dim, dim), ref scratch.Counters);
            if (Traced is { } traced)
                traced[r] = new(_sweep.Bias(r), scratch.Counters.TailMass - tail, scratch.Counters.Certificate - certificate);
        }
        return true;
    }

    public override void Dispose()
    {
        _sweep.Dispose();
        _exact.Dispose();
    }

    private int Dim => _head!.Dim;
}
