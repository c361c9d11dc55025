using System.Numerics;
using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Online softmax.</summary>
internal ref struct SoftmaxTile : ITileWeights
{
    private int _rows;
    private Span<float> _max, _sum, _scale;

    public static int Kept => 3;

    public void Begin(int first, int rows, Span<float> kept)
    {
        int columns = kept.Length / Kept;
        _rows = rows;
        _max = kept[..columns];
        _sum = kept.Slice(columns, columns);
        _scale = kept[(2 * columns)..];
        _max.Fill(DenseTile.Hidden);
        _sum.Clear();
    }

    public readonly void Weigh(AttentionKernels kernels, Span<float> scores, int keys, int start, Span<float> sums, int stride)
    {
        kernels.SoftmaxStep(scores, _max.Length, keys, _max[start..], _sum[start..], _scale[start..]);
        for (int r = start; r < _rows; r++)
            if (_scale[r] != 1) kernels.Scale(sums.Slice(r * stride, stride), _scale[r]);
    }

    public readonly void Finish(int row, Span<float> sums, Span<float> output)
    {
        float by = 1 / _sum[row];
        int c = 0;
        for (; c <= output.Length - Vector<float>.Count; c += Vector<float>.Count) (new Vector<float>(sums[c..]) * by).CopyTo(output[c..]);
        for (; c < output.Length; c++) output[c] = sums[c] * by;
    }

    /// <summary>By how much the last block scaled what was before it, [columns].</summary>
    public readonly ReadOnlySpan<float> Scales => _scale;

    /// <summary>The largest score of each row so far, [columns].</summary>
    public readonly ReadOnlySpan<float> Maxima => _max;

    /// <summary>The largest score of a row.</summary>
    public readonly float Max(int row) => _max[row];

    /// <summary>Σe^(s − max) of a row.</summary>
    public readonly float Sum(int row) => _sum[row];
}
