using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>The kernels over one kind of lane; shapes have been checked.</summary>
internal sealed class AttentionKernels<T>(SimdTier tier) : AttentionKernels(tier, T.Width) where T : struct, ILane<T>
{
    public override float Max(ReadOnlySpan<float> scores) => SoftmaxSums<T>.Max(ref First(scores), scores.Length);

    public override (float Sum, float Weighted) ExponentialMoments(ReadOnlySpan<float> scores, float max) =>
        SoftmaxSums<T>.Moments(ref First(scores), scores.Length, max);

    public override void Scale(Span<float> numbers, float factor) => Rows<T>.Scale(ref First(numbers), numbers.Length, factor);

    private protected override bool NarrowCore(ReadOnlySpan<float> source, Span<Half> target) =>
        Rows<T>.Narrow(ref First(source), source.Length, ref First(target));

    private protected override void WidenCore(
        ReadOnlySpan<Half> source, int rows, int dim, ReadOnlySpan<float> centre, Span<float> target, int stride) =>
        Rows<T>.Widen(ref First(source), rows, dim, ref centre.IsEmpty ? ref Unsafe.NullRef<float>() : ref First(centre),
            ref First(target), stride);

    private protected override void ScoresCore(
        ReadOnlySpan<float> queries, int rows, ReadOnlySpan<Half> keys, int count, int dim, Span<float> scores, int stride) =>
        RowScores<T>.Score(ref First(queries), rows, ref First(keys), count, dim, ref First(scores), stride);

    private protected override void AddValuesCore(ReadOnlySpan<float> weights, int stride, int rows, ReadOnlySpan<Half> values,
        ReadOnlySpan<int> list, int origin, int count, int dim, Span<float> sums)
    {
        if (list.IsEmpty)
            ValueSums<T>.Add<N1>(ref First(weights), stride, rows, ref First(values), ref First(list), 0, count, dim, ref First(sums));
        else
            ValueSums<T>.Add<N2>(ref First(weights), stride, rows, ref First(values), ref First(list), origin, count, dim, ref First(sums));
    }

    private protected override void MaximaCore(ReadOnlySpan<float> scores, Span<float> maxima) =>
        ScoreScan<T>.Maxima(ref First(scores), scores.Length, GroupSize, ref First(maxima));

    private protected override int CollectCore(ReadOnlySpan<float> scores, float bound, Span<int> list) =>
        ScoreScan<T>.Collect(ref First(scores), scores.Length, bound, ref First(list));

    private protected override float ExponentialsCore(ReadOnlySpan<float> scores, float max, Span<float> weights) =>
        SoftmaxSums<T>.Exponentials(ref First(scores), scores.Length, max, ref First(weights));

    private protected override void SoftmaxStepCore(
        Span<float> scores, int stride, int rows, int columns, Span<float> max, Span<float> sum, Span<float> scale) =>
        SoftmaxSums<T>.Step(ref First(scores), stride, rows, columns, ref First(max), ref First(sum), ref First(scale));

    private protected override void ProductCore(ReadOnlySpan<float> a, int aRow, int aInner, ReadOnlySpan<float> b, int bRow,
        Span<float> c, int cRow,
        int rows, int inner, int columns, bool add) =>
        TileProduct<T>.Multiply(ref First(a), aRow, aInner, ref First(b), bRow, ref First(c), cRow, rows, inner, columns, add);

    private protected override void AddCompensatedCore(ReadOnlySpan<float> term, Span<float> high, Span<float> low) =>
        Rows<T>.AddCompensated(ref First(term), term.Length, ref First(high), ref First(low));

    private static ref TItem First<TItem>(ReadOnlySpan<TItem> span) => ref MemoryMarshal.GetReference(span);

    private static ref TItem First<TItem>(Span<TItem> span) => ref MemoryMarshal.GetReference(span);
}
