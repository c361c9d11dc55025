using Halfspace.Attention;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>Our attention, dense or sparse, over a KV cache: a KV head is a work item, as in the decoder.</summary>
internal sealed class HeadAttentionKernel : LayerKernel
{
    // A prompt is read in chunks.
    private const int Chunk = 512;

    private readonly WorkerPool _pool;
    private readonly HeadAttention _attention;
    private readonly KeyValueCache[] _caches;
    private readonly AttentionScratch[] _scratch;
    private readonly Action<int, int> _work;
    private AttentionCounters _counters;
    private int _set, _j;

    public HeadAttentionKernel(AttentionOptions options, IReadOnlyList<LayerSet> sets, WorkerPool pool)
        : base(options.Mode == AttentionMode.Dense ? "dense" : "sparse", sets)
    {
        _pool = pool;
        _attention = new HeadAttention(options);
        _scratch = [.. Enumerable.Range(0, pool.Threads).Select(_ => new AttentionScratch())];
        _work = AppendAndAttend;
        AttentionShape shape = new(1, LayerSet.QueryHeads, LayerSet.KeyValueHeads, LayerSet.Dim);
        _caches = [.. sets.Select(set => new KeyValueCache(shape, set.Keys))];
        for (int s = 0; s < sets.Count; s++)
        {
            _caches[s].Reserve(sets[s].Keys);
            for (int at = 0; at < sets[s].First; at += Chunk)
                for (int head = 0; head < LayerSet.KeyValueHeads; head++) Append(s, head, at, Math.Min(Chunk, sets[s].First - at));
        }
    }

    public override double? KeysReported => _counters.KeysPerHead;

    // Where the counters hold the certificates' sum, its mean belongs here.
    public override double? CertificateMean => null;

    public override void Open() => _pool.Open();

    public override void Close() => _pool.Close();

    public override void Decode(int set, int j)
    {
        (_set, _j) = (set, j);
        int position = Sets[set].First + j;
        if (_caches[set][0, 0].Count > position) _caches[set].Rewind(position);
        _pool.Run(LayerSet.KeyValueHeads, _work);
    }

    public override void Count(bool keep)
    {
        foreach (AttentionScratch scratch in _scratch)
        {
            if (keep) _counters.Add(scratch.Counters);
            scratch.Counters.Reset();
        }
    }

    public override double Bytes(double visible)
    {
        double row = LayerSet.Dim * sizeof(short), attended = LayerSet.QueryHeads * _counters.KeysPerHead;
        // Dense reads keys and values. Sparse scans the keys, and reads the values of those that it attends to.
        return _attention.Options.Mode == AttentionMode.Dense
            ? LayerSet.KeyValueHeads * visible * 2 * row
            : (LayerSet.KeyValueHeads * visible * row) + (Math.Min(attended, LayerSet.KeyValueHeads * visible) * row);
    }

    public override void Dispose()
    {
        foreach (KeyValueCache cache in _caches) cache.Dispose();
        foreach (AttentionScratch scratch in _scratch) scratch.Dispose();
    }

    private void AppendAndAttend(int head, int worker)
    {
        const int Width = LayerSet.Group * LayerSet.Dim;
        LayerSet set = Sets[_set];
        Append(_set, head, set.First + _j, 1);
        _attention.Attend(_caches[_set][0, head], set.Queries(_j).Slice(head * Width, Width), Width, LayerSet.Group, 1, set.First + _j,
            Output.AsSpan(head * Width, Width), Width, _scratch[worker]);
    }

    private void Append(int set, int head, int position, int rows) => _caches[set][0, head].Append(
        Sets[set].KeyRows(head, position, rows), LayerSet.Dim, Sets[set].ValueRows(head, position, rows), LayerSet.Dim, rows);
}
