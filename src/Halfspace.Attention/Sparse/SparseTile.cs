using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Sparse attention of many positions to one KV head, for policies whose threshold is known before the sweep: what is read is a dense tile's
/// past.</summary>
internal sealed class SparseTile : IDisposable
{
    private readonly AttentionKernels _kernels;
    private readonly Sweep _sweep;
    private readonly DenseTile _tile;
    private readonly Buffer<float> _read = new();
    private float[] _ones = [];

    public SparseTile(HeadAttention attention)
    {
        Attention = attention;
        _kernels = AttentionKernels.For(attention.Tier);
        _sweep = new Sweep(attention);
        _tile = new DenseTile(_kernels);
    }

    /// <summary>Whose tile it is.</summary>
    public HeadAttention Attention { get; }

    /// <summary>Attends.</summary>
    /// <param name="head">Keys and values; its index holds positions below <paramref name="firstPosition"/> only.</param>
    /// <param name="queries">[positions, group, d], scaled by 1/√d.</param>
    /// <param name="group">Query heads.</param>
    /// <param name="positions">At most <see cref="DenseTile.Positions"/>.</param>
    /// <param name="firstPosition">The first position.</param>
    /// <param name="output">Position r at r · <paramref name="outputStride"/>.</param>
    /// <param name="outputStride">From one position's output to the next's.</param>
    /// <param name="scratch">Buffers and counters.</param>
    /// <returns>False if that cannot be done so, or would read nearly all keys.</returns>
    public bool TryAttend(HeadCache head, ReadOnlySpan<float> queries, int group, int positions, int firstPosition, Span<float> output,
        int outputStride, AttentionScratch scratch)
    {
        if (!_sweep.Begin(head, queries, group, positions, firstPosition, parts: 1)) return false;
        _sweep.Score(0, scratch);
        if (!_sweep.Select()) return false;
        SumRead(head);
        for (int c = 0; c < _sweep.Clusters; c++) _sweep.Regress(c);
        _sweep.Close(_read.All);
        Weights weights = new(_sweep, scratch);
        _tile.Attend(
            head, queries, group, positions, 0, firstPosition, _sweep.Marks.Read, head.Index!.Tokens, ref weights, output, outputStride, scratch);
        return true;
    }

    public void Dispose()
    {
        _sweep.Dispose();
        _read.Dispose();
    }

    private void SumRead(HeadCache head)
    {
        int dim = head.Dim, count = _sweep.Marks.Read.Length;
        if (_ones.Length < count) Array.Fill(_ones = new float[Math.Max(count, 2 * _ones.Length)], 1);
        Span<float> sums = _read.Grown((long)_sweep.Clusters * dim);
        sums.Clear();
        for (int c = 0; c < _sweep.Clusters; c++)
        {
            ReadOnlySpan<nint> own = _sweep.Marks.ReadOf(c);
            _kernels.AddValuesAt(_ones.AsSpan(0, own.Length), own.Length, 1, own, head.ValueOffset, dim, sums.Slice(c * dim, dim));
        }
    }

    /// <summary>Softmax over what is read, closed by the tail.</summary>
    private ref struct Weights(Sweep sweep, AttentionScratch scratch) : ITileWeights
    {
        private SoftmaxTile _softmax;

        public static int Kept => SoftmaxTile.Kept;

        public void Begin(int first, int rows, Span<float> kept) => _softmax.Begin(first, rows, kept);

        public readonly void Weigh(AttentionKernels kernels, Span<float> scores, int keys, int start, Span<float> sums, int stride) =>
            _softmax.Weigh(kernels, scores, keys, start, sums, stride);

        public readonly void Finish(int row, Span<float> sums, Span<float> output) =>
            sweep.Finish(row, _softmax.Max(row), _softmax.Sum(row), sums, output, ref scratch.Counters);
    }
}
