namespace Halfspace.Kernels;

/// <summary>The kernels of attention for one SIMD tier: spans in, spans out, no policy. Immutable and thread-safe; nothing is
/// allocated.</summary>
/// <remarks>Matrices are row-major. Shapes are checked; what numbers mean is the caller's: NaN and infinities are not looked for, except by
/// <see cref="Narrow"/>.</remarks>
public abstract class AttentionKernels
{
    /// <summary>Scores of which <see cref="Maxima"/> takes one.</summary>
    public const int GroupSize = 16;

    private protected AttentionKernels(SimdTier tier, int width)
    {
        Tier = tier;
        Width = width;
    }

    /// <summary>The tier.</summary>
    public SimdTier Tier { get; }

    /// <summary>Floats in a register; columns of <see cref="Product"/> and <see cref="SoftmaxStep"/> are a multiple of it.</summary>
    public int Width { get; }

    /// <summary>The kernels of a tier.</summary>
    /// <exception cref="PlatformNotSupportedException">The tier does not run on this CPU.</exception>
    public static AttentionKernels For(SimdTier tier) => Simd.Choose(tier.ToString()) switch
    {
        SimdTier.V512 => new AttentionKernels<Lanes.Lane512>(tier),
        // Nothing here multiplies bytes, so the tier with byte products is the plain 256-bit one.
        SimdTier.Vnni or SimdTier.V256 => new AttentionKernels<Lanes.Lane256>(tier),
        _ => new AttentionKernels<Lanes.LaneScalar>(tier),
    };

    /// <summary>Rounds to the nearest float16, ties to even.</summary>
    /// <param name="source">Numbers.</param>
    /// <param name="target">As many.</param>
    /// <returns>False if a number is NaN or infinite, or rounds beyond ±65,504; what is written for it is then meaningless.</returns>
    public bool Narrow(ReadOnlySpan<float> source, Span<Half> target)
    {
        Require(target.Length >= source.Length, nameof(target));
        return NarrowCore(source, target);
    }

    /// <summary>target[r · stride + c] = source[r, c] − centre[c], exact but for the subtraction.</summary>
    /// <param name="source">[rows, <paramref name="dim"/>], finite.</param>
    /// <param name="dim">Columns.</param>
    /// <param name="centre">[dim], or empty for zero.</param>
    /// <param name="target">Rows <paramref name="stride"/> apart; columns from dim on are left alone.</param>
    /// <param name="stride">At least dim.</param>
    public void Widen(ReadOnlySpan<Half> source, int dim, ReadOnlySpan<float> centre, Span<float> target, int stride)
    {
        int rows = source.Length / dim;
        Require(source.Length == rows * dim, nameof(source));
        Require(centre.IsEmpty || centre.Length == dim, nameof(centre));
        Require(Fits(rows, stride, dim, target.Length), nameof(target));
        if (rows > 0) WidenCore(source, rows, dim, centre, target, stride);
    }

    /// <summary>scores[r · stride + i] = ⟨query r, key i⟩.</summary>
    /// <param name="queries">[<paramref name="rows"/>, <paramref name="dim"/>].</param>
    /// <param name="rows">Query rows; one read of a key serves up to four.</param>
    /// <param name="keys">[n, dim], finite.</param>
    /// <param name="dim">d.</param>
    /// <param name="scores">Rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least n.</param>
    public void Scores(ReadOnlySpan<float> queries, int rows, ReadOnlySpan<Half> keys, int dim, Span<float> scores, int stride)
    {
        int count = keys.Length / dim;
        Require(keys.Length == count * dim, nameof(keys));
        Require(queries.Length == rows * dim, nameof(queries));
        Require(Fits(rows, stride, count, scores.Length), nameof(scores));
        if (rows > 0 && count > 0) ScoresCore(queries, rows, keys, count, dim, scores, stride);
    }

    /// <summary>sums[r, ·] += Σᵢ weights[r · stride + i] · value i.</summary>
    /// <param name="weights">Rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least n.</param>
    /// <param name="rows">Rows of weights; one read of a value serves up to four.</param>
    /// <param name="values">[n, <paramref name="dim"/>], finite.</param>
    /// <param name="dim">d.</param>
    /// <param name="sums">[rows, d].</param>
    public void AddValues(ReadOnlySpan<float> weights, int stride, int rows, ReadOnlySpan<Half> values, int dim, Span<float> sums)
    {
        int count = values.Length / dim;
        Require(values.Length == count * dim, nameof(values));
        Require(Fits(rows, stride, count, weights.Length), nameof(weights));
        Require(sums.Length == rows * dim, nameof(sums));
        if (rows > 0 && count > 0) AddValuesCore(weights, stride, rows, values, [], 0, count, dim, sums);
    }

    /// <summary>sums[r, ·] += Σᵢ weights[r · stride + i] · value <paramref name="list"/>[i] − <paramref name="origin"/>.</summary>
    /// <param name="weights">Rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least the list's length.</param>
    /// <param name="rows">Rows of weights.</param>
    /// <param name="values">[n, <paramref name="dim"/>], finite.</param>
    /// <param name="list">Ascending, from origin to below origin + n.</param>
    /// <param name="origin">What the first value is called in the list.</param>
    /// <param name="dim">d.</param>
    /// <param name="sums">[rows, d].</param>
    public void AddValuesAt(ReadOnlySpan<float> weights, int stride, int rows, ReadOnlySpan<Half> values, ReadOnlySpan<int> list,
        int origin, int dim,
        Span<float> sums)
    {
        Require(Fits(rows, stride, list.Length, weights.Length), nameof(weights));
        Require(sums.Length == rows * dim, nameof(sums));
        if (rows == 0 || list.IsEmpty) return;
        Require(list[0] >= origin && list[^1] - origin < values.Length / dim, nameof(list));
        AddValuesCore(weights, stride, rows, values, list, origin, list.Length, dim, sums);
    }

    /// <summary>The largest score; negative infinity of none.</summary>
    public abstract float Max(ReadOnlySpan<float> scores);

    /// <summary>The largest of each <see cref="GroupSize"/> consecutive scores; the last group may be short.</summary>
    /// <param name="scores">[n].</param>
    /// <param name="maxima">[n / GroupSize, rounded up].</param>
    public void Maxima(ReadOnlySpan<float> scores, Span<float> maxima)
    {
        Require((long)maxima.Length * GroupSize >= scores.Length, nameof(maxima));
        MaximaCore(scores, maxima);
    }

    /// <summary>Lists where scores are at least <paramref name="bound"/>, ascending.</summary>
    /// <param name="scores">[n].</param>
    /// <param name="bound">The least that is listed.</param>
    /// <param name="list">Room for n.</param>
    /// <returns>How many.</returns>
    public int Collect(ReadOnlySpan<float> scores, float bound, Span<int> list)
    {
        Require(list.Length >= scores.Length, nameof(list));
        return CollectCore(scores, bound, list);
    }

    /// <summary>weights[i] = e^(scores[i] − max), 0 where the difference is below −87.</summary>
    /// <param name="scores">Scores up to <paramref name="max"/>.</param>
    /// <param name="max">What is subtracted.</param>
    /// <param name="weights">As many; may be the scores.</param>
    /// <returns>Their sum.</returns>
    public float Exponentials(ReadOnlySpan<float> scores, float max, Span<float> weights)
    {
        Require(weights.Length >= scores.Length, nameof(weights));
        return ExponentialsCore(scores, max, weights);
    }

    /// <summary>Σ e^u and Σ e^u·u, u = scores[i] − max.</summary>
    /// <param name="scores">Scores up to <paramref name="max"/>.</param>
    /// <param name="max">What is subtracted.</param>
    public abstract (float Sum, float Weighted) ExponentialMoments(ReadOnlySpan<float> scores, float max);

    /// <summary>One block of an online softmax down the columns: scores become e^(s − new max), and max, sum and scale follow.</summary>
    /// <param name="scores">[rows, columns], rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least the columns.</param>
    /// <param name="rows">Keys of the block.</param>
    /// <param name="max">[columns], the largest score so far; finite.</param>
    /// <param name="sum">[columns], Σ e^(s − max) so far.</param>
    /// <param name="scale">[columns], written: e^(old max − new max).</param>
    public void SoftmaxStep(Span<float> scores, int stride, int rows, Span<float> max, Span<float> sum, Span<float> scale)
    {
        int columns = max.Length;
        Require(columns % Width == 0, nameof(max));
        Require(sum.Length == columns, nameof(sum));
        Require(scale.Length == columns, nameof(scale));
        Require(Fits(rows, stride, columns, scores.Length), nameof(scores));
        SoftmaxStepCore(scores, stride, rows, columns, max, sum, scale);
    }

    /// <summary>C = A·B, or C += A·B, for operands that fit the caches.</summary>
    /// <param name="a">A, element (r, k) at r · <paramref name="aRow"/> + k · <paramref name="aInner"/>.</param>
    /// <param name="aRow">From one row of A to the next.</param>
    /// <param name="aInner">From one column of A to the next.</param>
    /// <param name="b">B, [inner, columns], rows <paramref name="bRow"/> apart.</param>
    /// <param name="bRow">From one row of B to the next.</param>
    /// <param name="c">C, [rows, columns], rows <paramref name="cRow"/> apart.</param>
    /// <param name="cRow">From one row of C to the next.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="inner">Columns of A, rows of B.</param>
    /// <param name="columns">Columns of B and C, a multiple of <see cref="Width"/>.</param>
    /// <param name="add">Whether C's contents are added to.</param>
    public void Product(ReadOnlySpan<float> a, int aRow, int aInner, ReadOnlySpan<float> b, int bRow, Span<float> c, int cRow,
        int rows, int inner, int columns, bool add)
    {
        if (rows <= 0 || columns <= 0) return;
        Require(columns % Width == 0, nameof(columns));
        Require(inner <= 0 || ((long)(rows - 1) * aRow) + ((long)(inner - 1) * aInner) < a.Length, nameof(a));
        Require(Fits(inner, bRow, columns, b.Length), nameof(b));
        Require(Fits(rows, cRow, columns, c.Length), nameof(c));
        ProductCore(a, aRow, aInner, b, bRow, c, cRow, rows, inner, columns, add);
    }

    /// <summary>numbers[i] *= factor.</summary>
    public abstract void Scale(Span<float> numbers, float factor);

    /// <summary>high + low += term: high is the sum as a float, low what that leaves out.</summary>
    /// <param name="term">[n].</param>
    /// <param name="high">[n].</param>
    /// <param name="low">[n].</param>
    public void AddCompensated(ReadOnlySpan<float> term, Span<float> high, Span<float> low)
    {
        Require(high.Length == term.Length, nameof(high));
        Require(low.Length == term.Length, nameof(low));
        AddCompensatedCore(term, high, low);
    }

    private protected abstract bool NarrowCore(ReadOnlySpan<float> source, Span<Half> target);

    private protected abstract void WidenCore(ReadOnlySpan<Half> source, int rows, int dim, ReadOnlySpan<float> centre,
        Span<float> target, int stride);

    private protected abstract void ScoresCore(
        ReadOnlySpan<float> queries, int rows, ReadOnlySpan<Half> keys, int count, int dim, Span<float> scores, int stride);

    private protected abstract void AddValuesCore(ReadOnlySpan<float> weights, int stride, int rows, ReadOnlySpan<Half> values,
        ReadOnlySpan<int> list,
        int origin, int count, int dim, Span<float> sums);

    private protected abstract void MaximaCore(ReadOnlySpan<float> scores, Span<float> maxima);

    private protected abstract int CollectCore(ReadOnlySpan<float> scores, float bound, Span<int> list);

    private protected abstract float ExponentialsCore(ReadOnlySpan<float> scores, float max, Span<float> weights);

    private protected abstract void SoftmaxStepCore(
        Span<float> scores, int stride, int rows, int columns, Span<float> max, Span<float> sum, Span<float> scale);

    private protected abstract void ProductCore(ReadOnlySpan<float> a, int aRow, int aInner, ReadOnlySpan<float> b, int bRow,
        Span<float> c, int cRow,
        int rows, int inner, int columns, bool add);

    private protected abstract void AddCompensatedCore(ReadOnlySpan<float> term, Span<float> high, Span<float> low);

    private static bool Fits(int rows, int stride, int width, int length) =>
        rows <= 0 || ((rows == 1 || stride >= width) && ((long)(rows - 1) * stride) + width <= length);

    private static void Require(bool holds, string name)
    {
        if (!holds) throw new ArgumentException("The shapes given to a kernel do not match.", name);
    }
}
