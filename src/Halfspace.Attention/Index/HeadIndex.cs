using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>The indexed past of a head: its first <see cref="Tokens"/> positions, cut into clusters. It grows behind the recent window.</summary>
/// <remarks>
/// Centres are fitted when there are 512 tokens, and everything is coded anew about new ones when prompts have made it four times as long (16 times
/// where single tokens did): so all rebuilding together costs a third of building once, and a rotation and centre never drift far from the keys.
/// </remarks>
internal sealed class HeadIndex
{
    /// <summary>Tokens by which it grows.</summary>
    public const int Step = 16;

    /// <summary>Tokens that it begins with.</summary>
    public const int Least = 512;

    private const int PromptGrowth = 4, DecodeGrowth = 16;

    private readonly KeyCluster[] _clusters;
    private readonly NativePart<float> _columns;
    private readonly ClusterFit _fit;
    private readonly AttentionKernels _kernels;
    private readonly int _dim, _window;
    private int _fitted;

    /// <param name="dim">d.</param>
    /// <param name="options">Window and clusters.</param>
    /// <param name="rotation">Of every sketch.</param>
    /// <param name="kernels">The tier.</param>
    /// <param name="arena">Where its memory comes from.</param>
    public HeadIndex(int dim, AttentionOptions options, SketchRotation rotation, AttentionKernels kernels, NativeArena arena)
    {
        _dim = dim;
        _window = options.Window;
        _kernels = kernels;
        _fit = new ClusterFit(dim, options.Clusters, kernels);
        _clusters = new KeyCluster[options.Clusters];
        Rotation = rotation;
        _columns = arena.Take<float>((long)dim * ColumnCount);
        for (int c = 0; c < _clusters.Length; c++) _clusters[c] = new KeyCluster(dim, rotation, arena);
    }

    /// <summary>Positions 0 to below this are in the clusters; 0 while there are few.</summary>
    public int Tokens { get; private set; }

    /// <summary>Whether every key could be sketched.</summary>
    public bool Usable { get; private set; } = true;

    public SketchRotation Rotation { get; }

    public ReadOnlySpan<KeyCluster> Clusters => _clusters;

    /// <summary>The clusters' key centres and then their Σ(k−c), a column each: [d, <see cref="ColumnCount"/>].</summary>
    public ReadOnlySpan<float> Columns => _columns.Slice(0, _dim * ColumnCount);

    /// <summary>The norm of the mean of the values.</summary>
    public double ValueNorm { get; private set; }

    /// <summary>Twice the clusters, rounded up to a whole register.</summary>
    public int ColumnCount => ((2 * _clusters.Length) + 15) / 16 * 16;

    /// <summary>The positions that are indexed when a head holds so many tokens: all but a window for the next one.</summary>
    public static int Prefix(int held, int window)
    {
        int tokens = (held + 1 - window) / Step * Step;
        return tokens >= Least ? tokens : 0;
    }

    /// <summary>Whether a head of so many tokens has some that belong in the index.</summary>
    public bool IsDue(int held) => Prefix(held, _window) > Tokens;

    /// <summary>Takes in what the head has appended, but for the window.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="prompt">Whether many tokens came at once, so that a rebuilding is not noticed.</param>
    /// <param name="scratch">Buffers.</param>
    public void Advance(HeadCache head, bool prompt, AttentionScratch scratch)
    {
        int tokens = Prefix(head.Count, _window);
        if (tokens <= Tokens) return;
        if (Tokens == 0 || tokens >= (long)_fitted * (prompt ? PromptGrowth : DecodeGrowth))
        {
            foreach (KeyCluster cluster in _clusters) cluster.Rewind(0);
            _fit.Fit(head, tokens, _clusters, _kernels);
            _fitted = tokens;
            Tokens = 0;
            Usable = true;
        }
        Take(head, Tokens, tokens, scratch);
        Tokens = tokens;
        foreach (KeyCluster cluster in _clusters) cluster.Spread.Settle(_kernels);
        SetColumns();
    }

    /// <summary>Forgets what a head of so many tokens would not have indexed.</summary>
    public void Rewind(HeadCache head, int held, AttentionScratch scratch)
    {
        int tokens = Prefix(held, _window);
        if (tokens >= Tokens) return;
        Tokens = tokens;
        foreach (KeyCluster cluster in _clusters) cluster.Rewind(tokens);
        if (tokens == 0) return;
        Span<float> work = scratch.Floats(KeyCluster.WorkLength(_dim));
        foreach (KeyCluster cluster in _clusters)
        {
            cluster.SumAgain(head, _kernels, work);
            cluster.Spread.Settle(_kernels);
        }
        SetColumns();
    }

    private void SetColumns()
    {
        Span<float> columns = _columns.Slice(0, _dim * ColumnCount);
        columns.Clear();
        double square = 0;
        for (int i = 0; i < _dim; i++)
        {
            double sum = 0;
            foreach (KeyCluster cluster in _clusters) sum += cluster.ValueSums[i] + (cluster.Count * (double)cluster.ValueCentre[i]);
            square += sum * sum;
        }
        ValueNorm = Math.Sqrt(square) / Math.Max(1, Tokens);
        for (int c = 0; c < _clusters.Length; c++)
        {
            ReadOnlySpan<float> centre = _clusters[c].KeyCentre;
            for (int i = 0; i < _dim; i++)
            {
                columns[(i * ColumnCount) + c] = centre[i];
                columns[(i * ColumnCount) + _clusters.Length + c] = (float)_clusters[c].KeySum(i);
            }
        }
    }

    private void Take(HeadCache head, int from, int to, AttentionScratch scratch)
    {
        const int Batch = KeyCluster.Batch;
        int stride = (_dim + 15) / 16 * 16, count = _clusters.Length;
        Span<float> floats = scratch.Floats(KeyCluster.WorkLength(_dim) + (2L * Batch * stride) + ((long)Batch * _fit.WorkColumns));
        Span<float> keys = floats[..(Batch * stride)], values = floats.Slice(Batch * stride, Batch * stride);
        Span<float> near = floats.Slice(2 * Batch * stride, Batch * _fit.WorkColumns), work = floats[((2 * Batch * stride) + near.Length)..];
        Span<int> owner = stackalloc int[Batch];
        // A cluster's tokens wait until there is a batch of them.
        Span<int> waiting = scratch.Tokens(count * Batch), length = stackalloc int[count];
        length.Clear();
        for (int first = from; first < to; first += Batch)
        {
            int take = Math.Min(Batch, to - first);
            for (int i = 0; i < take; i++)
            {
                _kernels.Widen(head.Key(first + i), _dim, [], keys[(i * stride)..], stride);
                _kernels.Widen(head.Value(first + i), _dim, [], values[(i * stride)..], stride);
            }
            _fit.Assign(keys, values, take, owner, _kernels, near);
            for (int i = 0; i < take; i++)
            {
                int c = owner[i];
                waiting[(c * Batch) + length[c]++] = first + i;
                if (length[c] < Batch) continue;
                Usable &= _clusters[c].Add(head, waiting.Slice(c * Batch, Batch), _kernels, work);
                length[c] = 0;
            }
        }
        for (int c = 0; c < count; c++)
            if (length[c] > 0) Usable &= _clusters[c].Add(head, waiting.Slice(c * Batch, length[c]), _kernels, work);
    }
}
