using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>ReLU^α weights: nothing is ever rescaled.</summary>
/// <param name="power">α.</param>
/// <param name="biases">[rows].</param>
/// <param name="epsilons">[rows].</param>
internal ref struct ReluTile(int power, ReadOnlySpan<float> biases, ReadOnlySpan<float> epsilons) : ITileWeights
{
    private readonly ReadOnlySpan<float> _biases = biases, _epsilons = epsilons;
    private Span<float> _bias, _sum;
    private int _first;

    public static int Kept => 2;

    /// <summary>Keys that weigh something, over all rows.</summary>
    public long KeysUsed { get; private set; }

    /// <summary>Rows without such a key.</summary>
    public int EmptyRows { get; private set; }

    public void Begin(int first, int rows, Span<float> kept)
    {
        _first = first;
        _bias = kept[..(kept.Length / Kept)];
        _sum = kept[_bias.Length..];
        // Columns that are no row use no key.
        _bias.Fill(float.PositiveInfinity);
        _biases.Slice(first, rows).CopyTo(_bias);
        _sum.Clear();
    }

    public void Weigh(AttentionKernels kernels, Span<float> scores, int keys, int start, Span<float> sums, int stride) =>
        KeysUsed += kernels.ReluStep(scores, _bias.Length, keys, _bias[start..], power, _sum[start..]);

    public void Finish(int row, Span<float> sums, Span<float> output)
    {
        if (!(_sum[row] > 0)) EmptyRows++;
        float by = ReluRows.Share(_sum[row], _epsilons[_first + row]);
        for (int c = 0; c < output.Length; c++) output[c] = sums[c] * by;
    }
}
