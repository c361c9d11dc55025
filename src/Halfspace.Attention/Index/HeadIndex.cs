using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>The indexed past of a head: its first <see cref="Tokens"/> positions, cut into clusters. It grows behind the recent window.</summary>
/// <remarks>
/// Centres are fitted when there are 2,048 tokens, below which dense attention is as fast, and everything is coded anew about new ones when prompts have made it four times as long (16 times
/// where single tokens did): so all rebuilding together costs a third of building once, and a rotation and centre never drift far from the keys.
/// </remarks>
internal sealed class HeadIndex
{
    /// <summary>Tokens by which it grows.</summary>
    public const int Step = 16;

    /// <summary>Tokens that it begins with.</summary>
    public const int Least = 2048;

    private const int PromptGrowth = 4, DecodeGrowth = 16;

    // From so many tokens on clusters are doubled, and again when there are four times as many: they then cost less beside the scan.
    private const int DoublingFrom = 8 << 10;

    private readonly List<KeyCluster> _clusters = [];
    private readonly NativeArena _arena;
    private readonly int _least;
    private NativePart<float> _columns;
    private ClusterFit? _fit;
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
        _least = options.Clusters;
        _arena = arena;
        Rotation = rotation;
    }

    /// <summary>Positions 0 to below this are in the clusters; 0 while there are few.</summary>
    public int Tokens { get; private set; }

    /// <summary>Whether every key could be sketched.</summary>
    public bool Usable { get; private set; } = true;

    /// <summary>Whether moments lack keys that are held: only sketches and centres may be looked at.</summary>
    public bool IsBehind { get; private set; }

    public SketchRotation Rotation { get; }

    /// <summary>How much scores vary, once there are tokens.</summary>
    public KeySpread? Spread { get; private set; }

    public ReadOnlySpan<KeyCluster> Clusters => CollectionsMarshal.AsSpan(_clusters)[..(_fit?.Clusters ?? 0)];

    /// <summary>The clusters' key centres and then their Σ(k−c), a column each: [d, <see cref="ColumnCount"/>].</summary>
    public ReadOnlySpan<float> Columns => _columns.Slice(0, _dim * ColumnCount);

    /// <summary>The norm of the mean of the values.</summary>
    public double ValueNorm { get; private set; }

    /// <summary>Twice the clusters, rounded up to a whole register.</summary>
    public int ColumnCount => ColumnCountOf(Clusters.Length);

    /// <summary>The positions that are indexed when a head holds so many tokens: all but a window for the next one.</summary>
    public static int Prefix(int held, int window)
    {
        int tokens = (held + 1 - window) / Step * Step;
        return tokens >= Least ? tokens : 0;
    }

    /// <summary>Whether a head of so many tokens has some that belong in the index, or its moments are behind.</summary>
    public bool IsDue(int held) => IsBehind || Prefix(held, _window) > Tokens;

    /// <summary>Takes in what the head has appended, but for the window.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="held">Tokens of the head; later ones are not looked at.</param>
    /// <param name="prompt">Whether many tokens came at once, so that a rebuilding is not noticed.</param>
    /// <param name="more">Whether more follow before anything but sketches and centres is looked at: moments then wait.</param>
    /// <param name="scratch">Buffers.</param>
    public void Advance(HeadCache head, int held, bool prompt, bool more, AttentionScratch scratch)
    {
        int tokens = Prefix(held, _window);
        bool fit = false;
        if (tokens > Tokens)
        {
            fit = _fit is null || Tokens == 0 || tokens >= (long)_fitted * (prompt ? PromptGrowth : DecodeGrowth);
            if (fit) Fit(head, tokens);
            Take(_fit!, head, Tokens, tokens, scratch);
            Tokens = tokens;
            IsBehind = true;
        }
        if (IsBehind && (fit || !more)) Settle(head, scratch);
    }

    /// <summary>Forgets what a head of so many tokens would not have indexed.</summary>
    public void Rewind(HeadCache head, int held, AttentionScratch scratch)
    {
        int tokens = Prefix(held, _window);
        if (tokens >= Tokens) return;
        Tokens = tokens;
        foreach (KeyCluster cluster in Clusters) cluster.Rewind(tokens);
        Spread!.Reset();
        IsBehind = false;
        if (tokens == 0) return;
        int stride = (_dim + 15) / 16 * 16;
        Span<float> work = scratch.Floats(KeyCluster.WorkLength(_dim) + KeySpread.WorkLength(_dim)), keys = work[..(KeyCluster.Batch * stride)];
        for (int first = 0; first < tokens; first += KeyCluster.Batch)
        {
            int take = Math.Min(KeyCluster.Batch, tokens - first);
            keys.Clear();
            for (int i = 0; i < take; i++) _kernels.Widen(head.Key(first + i), _dim, [], keys[(i * stride)..], stride);
            Spread.Add(keys, take, _kernels, work[keys.Length..]);
        }
        Settle(head, scratch);
    }

    /// <summary>Writes it all; nothing but zeros while it has no tokens.</summary>
    public void Export(IndexImageWriter to)
    {
        ReadOnlySpan<KeyCluster> clusters = Tokens == 0 ? [] : Clusters;
        to.Write(new IndexImage.Head
        {
            Tokens = Tokens,
            Fitted = Tokens == 0 ? 0 : _fitted,
            Clusters = clusters.Length,
            Usable = Usable ? 1 : 0,
            ValueNorm = Tokens == 0 ? 0 : ValueNorm,
            KeyScale = Tokens == 0 ? 0 : _fit!.KeyScale,
            ValueScale = Tokens == 0 ? 0 : _fit!.ValueScale,
        });
        if (clusters.IsEmpty) return;
        to.Write(Columns);
        Spread!.Export(to);
        foreach (KeyCluster cluster in clusters) cluster.Export(to);
    }

    /// <summary>Takes over what <see cref="Export"/> wrote, into a new index; the memory stays in use.</summary>
    /// <exception cref="InvalidDataException">It cannot be the index of a head of so many tokens.</exception>
    public void Restore(IndexImageReader from, int held)
    {
        IndexImage.Head head = from.Read<IndexImage.Head>();
        if (head.Clusters == 0 && head.Tokens == 0) return;
        if (head.Clusters is < 1 or > AttentionOptions.MostClusters || head.Tokens < Least || head.Tokens > Prefix(held, _window)
            || head.Fitted < Least)
            throw IndexImage.Unfit();
        _fit = new ClusterFit(_dim, head.Clusters, _kernels);
        NativePart<float> columns = from.Take<float>((long)_dim * ColumnCountOf(head.Clusters));
        _columns = _arena.Copy(columns, columns.Length);
        Spread = KeySpread.Restore(_dim, _arena, from);
        int keys = 0;
        for (int c = 0; c < head.Clusters; c++)
        {
            KeyCluster cluster = KeyCluster.Restore(_dim, Rotation, _arena, from, head.Tokens);
            keys += cluster.Count;
            _clusters.Add(cluster);
        }
        if (keys != head.Tokens) throw IndexImage.Unfit();
        _fit.Restore(Clusters, head.KeyScale, head.ValueScale);
        (Tokens, _fitted, Usable, ValueNorm) = (head.Tokens, head.Fitted, head.Usable != 0, head.ValueNorm);
    }

    [MemberNotNull(nameof(_fit), nameof(Spread))]
    private void Fit(HeadCache head, int tokens)
    {
        Cut(CountFor(tokens));
        foreach (KeyCluster cluster in Clusters) cluster.Rewind(0);
        _fit.Fit(head, tokens, Clusters, _kernels);
        Spread.Reset();
        _fitted = tokens;
        Tokens = 0;
        Usable = true;
    }

    private void Settle(HeadCache head, AttentionScratch scratch)
    {
        Span<float> work = scratch.Floats(Math.Max(KeyCluster.WorkLength(_dim), ValueSpread.WorkLength(_dim)));
        foreach (KeyCluster cluster in Clusters)
        {
            cluster.SumWaiting(head, _kernels, work);
            cluster.Settle(_kernels, work);
        }
        Spread!.Settle(_kernels, work);
        SetColumns();
        IsBehind = false;
    }

    private int CountFor(int tokens)
    {
        int count = _least;
        for (long from = DoublingFrom; tokens >= from && 2 * count <= AttentionOptions.MostClusters; from *= 4) count *= 2;
        return count;
    }

    private static int ColumnCountOf(int clusters) => ((2 * clusters) + 15) / 16 * 16;

    [MemberNotNull(nameof(_fit), nameof(Spread))]
    private void Cut(int clusters)
    {
        Spread ??= new KeySpread(_dim, _arena);
        if (_fit?.Clusters == clusters) return;
        _fit = new ClusterFit(_dim, clusters, _kernels);
        while (_clusters.Count < clusters) _clusters.Add(new KeyCluster(_dim, Rotation, _arena));
        _columns = _arena.Take<float>((long)_dim * ColumnCount);
    }

    private void SetColumns()
    {
        Span<float> columns = _columns.Slice(0, _dim * ColumnCount);
        columns.Clear();
        double square = 0;
        for (int i = 0; i < _dim; i++)
        {
            double sum = 0;
            foreach (KeyCluster cluster in Clusters) sum += cluster.ValueSums[i] + (cluster.Count * (double)cluster.ValueCentre[i]);
            square += sum * sum;
        }
        ValueNorm = Math.Sqrt(square) / Math.Max(1, Tokens);
        for (int c = 0; c < Clusters.Length; c++)
        {
            ReadOnlySpan<float> centre = _clusters[c].KeyCentre;
            for (int i = 0; i < _dim; i++)
            {
                columns[(i * ColumnCount) + c] = centre[i];
                columns[(i * ColumnCount) + Clusters.Length + c] = (float)_clusters[c].KeySum(i);
            }
        }
    }

    private void Take(ClusterFit fit, HeadCache head, int from, int to, AttentionScratch scratch)
    {
        const int Batch = KeyCluster.Batch;
        int stride = (_dim + 15) / 16 * 16, count = Clusters.Length;
        Span<float> floats = scratch.Floats(
            Math.Max(KeyCluster.WorkLength(_dim), KeySpread.WorkLength(_dim)) + (2L * Batch * stride) + ((long)Batch * fit.WorkColumns));
        Span<float> keys = floats[..(Batch * stride)], values = floats.Slice(Batch * stride, Batch * stride);
        Span<float> near = floats.Slice(2 * Batch * stride, Batch * fit.WorkColumns), work = floats[((2 * Batch * stride) + near.Length)..];
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
            fit.Assign(keys, values, take, owner, _kernels, near);
            Spread!.Add(keys, take, _kernels, work);
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
