using Halfspace.Attention;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>Our attention, dense or sparse, over a KV cache, cut into the work items that the decoder spreads over its threads.</summary>
internal sealed class HeadAttentionKernel : LayerKernel
{
    // A prompt is read in chunks.
    private const int Chunk = 512;

    private readonly WorkerPool _pool;
    private readonly HeadAttention _attention;
    private readonly LayerStep _step;
    private readonly KeyValueCache[] _caches;
    private readonly AttentionScratch[] _scratch;
    private readonly Action<int, int> _scan, _finish;
    private AttentionCounters _counters;

    public HeadAttentionKernel(AttentionOptions options, IReadOnlyList<LayerSet> sets, WorkerPool pool)
        : base(options.Mode == AttentionMode.Dense ? "dense" : "sparse", sets)
    {
        _pool = pool;
        _attention = new HeadAttention(options);
        _scratch = [.. Enumerable.Range(0, pool.Threads).Select(_ => new AttentionScratch())];
        _scan = (item, worker) => _step!.Scan(item, _scratch[worker]);
        _finish = (item, worker) => _step!.Finish(item, Output, _scratch[worker]);
        AttentionShape shape = new(1, LayerSet.QueryHeads, LayerSet.KeyValueHeads, LayerSet.Dim);
        _step = new LayerStep(_attention, shape, pool.Threads);
        bool sparse = options.Mode == AttentionMode.Sparse;
        _caches = [.. sets.Select(set => new KeyValueCache(shape, set.Keys, sparse ? options : null))];
        for (int s = 0; s < sets.Count; s++)
        {
            _caches[s].Reserve(sets[s].Keys);
            for (int at = 0; at < sets[s].First; at += Chunk)
                for (int head = 0; head < LayerSet.KeyValueHeads; head++) Append(s, head, at, Math.Min(Chunk, sets[s].First - at));
        }
    }

    public override double? KeysReported => _counters.KeysPerHead;

    public override double? CertificateMean => _attention.Options.Mode == AttentionMode.Dense ? null : _counters.CertificateMean;

    public override void Open() => _pool.Open();

    public override void Close() => _pool.Close();

    public override void Decode(int set, int j)
    {
        int position = Sets[set].First + j;
        if (_caches[set][0, 0].Count > position) _caches[set].Rewind(position);
        for (int head = 0; head < LayerSet.KeyValueHeads; head++) Append(set, head, position, 1);
        _step.Begin(_caches[set], 0, Sets[set].Queries(j), position);
        _pool.Run(_step.Items, _scan);
        _pool.Run(_step.Items, _finish);
        for (int head = 0; head < LayerSet.KeyValueHeads; head++) Advance(set, head, prompt: false);
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
        double row = 2 * LayerSet.Dim * sizeof(short), sketch = (double)KeyBlocks.Bytes(LayerSet.Dim) / KeyBlocks.Keys;
        // Dense reads keys and values. Sparse reads sketches, and the keys and values that a group attends to.
        return LayerSet.KeyValueHeads
            * (_attention.Options.Mode == AttentionMode.Dense ? visible * row : (visible * sketch) + (_counters.KeysPerHead * row));
    }

    public override void Dispose()
    {
        _step.Dispose();
        foreach (KeyValueCache cache in _caches) cache.Dispose();
        foreach (AttentionScratch scratch in _scratch) scratch.Dispose();
    }

    private void Append(int set, int head, int position, int rows)
    {
        _caches[set][0, head].Append(
            Sets[set].KeyRows(head, position, rows), LayerSet.Dim, Sets[set].ValueRows(head, position, rows), LayerSet.Dim, rows);
        if (rows > 1) Advance(set, head, prompt: true);
    }

    // The index takes in what has left the window when all have attended.
    private void Advance(int set, int head, bool prompt)
    {
        HeadCache cache = _caches[set][0, head];
        if (cache.IsAdvanceDue(cache.Count)) cache.Advance(cache.Count, prompt, _scratch[0]);
    }
}
