using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels;

/// <summary>The kernels over one kind of lane; shapes have been checked.</summary>
internal sealed class AttentionKernels<T>(SimdTier tier) : AttentionKernels(tier, T.Width) where T : struct, ILane<T>
{
    public override float Max(ReadOnlySpan<float> scores) => SoftmaxSums<T>.Max(ref First(scores), scores.Length);

    public override ScoreSums SumScores(ReadOnlySpan<float> scores, float max) =>
        SoftmaxSums<T>.Sums(ref First(scores), scores.Length, max);

    public override ScoreMoments MeasureScores(ReadOnlySpan<float> scores) => SoftmaxSums<T>.Moments(ref First(scores), scores.Length);

    public override int Count(ReadOnlySpan<float> scores, float bound) => ScoreScan<T>.Count(ref First(scores), scores.Length, bound);

    public override void Scale(Span<float> numbers, float factor) => Rows<T>.Scale(ref First(numbers), numbers.Length, factor);

    public override void Shift(Span<float> numbers, float term) => Rows<T>.Shift(ref First(numbers), numbers.Length, term);

    internal override void Rotate(Span<float> columns, SketchRotation rotation) => KeySketching<T>.Rotate(ref First(columns), rotation);

    internal override void MeasureQueries(ReadOnlySpan<float> columns, int padded, Span<float> largest, Span<float> squares) =>
        QuerySketching<T>.Measure(ref First(columns), padded, ref First(largest), ref First(squares));

    internal override void CodeQueries(ReadOnlySpan<float> columns, int padded, int window, ReadOnlySpan<float> scales, Span<float> codes,
        Span<float> sums, Span<float> errors, Span<float> heaviest) =>
        QuerySketching<T>.Code(ref First(columns), padded, window, ref First(scales), ref First(codes), ref First(sums), ref First(errors),
            ref First(heaviest));

    private protected override void SketchCore(
        Span<float> columns, SketchRotation rotation, Span<float> steps, Span<float> residuals, Span<float> norms)
    {
        KeySketching<T>.Rotate(ref First(columns), rotation);
        KeySketching<T>.Code(ref First(columns), rotation.Padded, ref First(steps), ref First(residuals), ref First(norms));
    }

    private protected override bool NarrowCore(ReadOnlySpan<float> source, Span<Half> target) =>
        Rows<T>.Narrow(ref First(source), source.Length, ref First(target));

    private protected override void WidenCore(
        ReadOnlySpan<Half> source, int rows, int dim, ReadOnlySpan<float> centre, Span<float> target, int stride) =>
        Rows<T>.Widen(ref First(source), rows, dim, ref centre.IsEmpty ? ref Unsafe.NullRef<float>() : ref First(centre),
            ref First(target), stride);

    private protected override void WidenAtCore(ReadOnlySpan<nint> addresses, nint offset, int dim, Span<float> target, int stride) =>
        Rows<T>.WidenAt(ref First(addresses), addresses.Length, offset, dim, ref First(target), stride);

    private protected override void MarkRowsCore(
        ReadOnlySpan<float> scores, int stride, int count, ReadOnlySpan<float> bounds, Span<ulong> marks)
    {
        TailRows<T>.Mark(ref First(scores), stride, count, ref First(bounds), bounds.Length, ref First(marks));
    }

    private protected override void AddTailsCore(Span<float> scores, int stride, int count, ReadOnlySpan<ulong> marks,
        ReadOnlySpan<float> references, Span<float> work, Span<float> sums)
    {
        int whole = WholeWords(count);
        TailRows<T>.Keep(ref First(marks), count, ref First(work));
        for (int r = 0; r < references.Length; r++)
        {
            scores[((r * stride) + count)..((r * stride) + whole)].Clear();
            TailRows<T>.Add(ref Unsafe.Add(ref First(scores), r * stride), whole, ref First(work), references[r], ref Unsafe.Add(ref First(sums), r * TailLength));
        }
    }

    private protected override void TotalTailsCore(ReadOnlySpan<float> sums, Span<TailSums> totals)
    {
        for (int r = 0; r < totals.Length; r++) totals[r] = TailRows<T>.Total(ref Unsafe.Add(ref First(sums), r * TailLength));
    }

    private protected override void ScoresCore(
        ReadOnlySpan<float> queries, int rows, ReadOnlySpan<Half> keys, int count, int dim, Span<float> scores, int stride) =>
        RowScores<T>.Score<N1>(ref First(queries), rows, ref First(keys), ref Unsafe.NullRef<nint>(), count, dim, ref First(scores), stride);

    private protected override void ScoresAtCore(ReadOnlySpan<float> queries, int rows, ReadOnlySpan<nint> keys, int dim,
        Span<float> scores, int stride) =>
        RowScores<T>.Score<N2>(ref First(queries), rows, ref Unsafe.NullRef<Half>(), ref First(keys), keys.Length, dim,
            ref First(scores), stride);

    private protected override void AddValuesCore(ReadOnlySpan<float> weights, int stride, int rows, ReadOnlySpan<Half> values,
        ReadOnlySpan<nint> list, nint offset, int count, int dim, Span<float> sums)
    {
        if (list.IsEmpty)
            ValueSums<T>.Add<N1>(ref First(weights), stride, rows, ref First(values), ref First(list), 0, count, dim, ref First(sums));
        else
            ValueSums<T>.Add<N2>(ref First(weights), stride, rows, ref First(values), ref First(list), offset, count, dim, ref First(sums));
    }

    private protected override int CollectCore(ReadOnlySpan<float> scores, float bound, Span<float> into) =>
        ScoreScan<T>.Collect(ref First(scores), scores.Length, bound, ref First(into));

    private protected override void MarkCore(ReadOnlySpan<float> scores, float bound, Span<ulong> marks) =>
        ScoreScan<T>.Mark(ref First(scores), scores.Length, bound, ref First(marks));

    private protected override float ExponentialsCore(ReadOnlySpan<float> scores, float max, Span<float> weights) =>
        SoftmaxSums<T>.Exponentials(ref First(scores), scores.Length, max, ref First(weights));

    private protected override void SoftmaxStepCore(
        Span<float> scores, int stride, int rows, int columns, Span<float> max, Span<float> sum, Span<float> scale) =>
        SoftmaxSums<T>.Step(ref First(scores), stride, rows, columns, ref First(max), ref First(sum), ref First(scale));

    private protected override void AddPowersCore(
        ReadOnlySpan<float> weights, int stride, int rows, int columns, ReadOnlySpan<float> scale, Span<float> sums, Span<float> squares) =>
        SoftmaxSums<T>.AddPowers(ref First(weights), stride, rows, columns, ref First(scale), ref First(sums), ref First(squares));

    private protected override void QuantiseCore(ReadOnlySpan<float> scores, ReadOnlySpan<float> factors, float by, Span<sbyte> into) =>
        CoarseRows<T>.Quantise(ref First(scores), scores.Length, ref First(factors), by, ref First(into));

    private protected override int DrawCore(ReadOnlySpan<float> weights, ReadOnlySpan<float> chances, float least, Span<float> places) =>
        ScoreScan<T>.Draw(ref First(weights), weights.Length, ref First(chances), least, ref First(places));

    private protected override void TotalCoarseCore(ReadOnlySpan<sbyte> sums, int stride, ReadOnlySpan<float> steps, ReadOnlySpan<float> units,
        ReadOnlySpan<float> bases, Span<double> totals)
    {
        int rows = units.Length, count = steps.Length;
        if (TakesWords(rows))
            CoarseWords.Total(ref First(sums), stride, rows, count, ref First(steps), ref First(units), ref First(bases), ref First(totals));
        else
            CoarseRows<T>.Total(ref First(sums), stride, rows, count, ref First(steps), ref First(units), ref First(bases), ref First(totals));
    }

    private protected override void WeighCoarseCore(ReadOnlySpan<sbyte> sums, int stride, ReadOnlySpan<float> steps, ReadOnlySpan<float> units,
        ReadOnlySpan<float> bases, Span<float> weights)
    {
        int rows = units.Length, count = steps.Length;
        if (TakesWords(rows))
            CoarseWords.Weigh(ref First(sums), stride, rows, count, ref First(steps), ref First(units), ref First(bases), ref First(weights));
        else
            CoarseRows<T>.Weigh(ref First(sums), stride, rows, count, ref First(steps), ref First(units), ref First(bases), ref First(weights));
    }

    private static bool TakesWords(int rows) => typeof(T) == typeof(Lane512) && CoarseWords.IsSupported && rows <= CoarseWords.MostRows;

    private protected override int ReluWeightsCore(
        ReadOnlySpan<float> scores, float bias, int power, Span<float> weights, ref float sum) => power switch
        {
            1 => ReluSums<T>.Weights<N1>(ref First(scores), scores.Length, bias, ref First(weights), ref sum),
            2 => ReluSums<T>.Weights<N2>(ref First(scores), scores.Length, bias, ref First(weights), ref sum),
            _ => ReluSums<T>.Weights<N3>(ref First(scores), scores.Length, bias, ref First(weights), ref sum),
        };

    private protected override int ReluStepCore(
        Span<float> scores, int stride, int rows, int columns, ReadOnlySpan<float> bias, int power, Span<float> sum) => power switch
        {
            1 => ReluSums<T>.Step<N1>(ref First(scores), stride, rows, columns, ref First(bias), ref First(sum)),
            2 => ReluSums<T>.Step<N2>(ref First(scores), stride, rows, columns, ref First(bias), ref First(sum)),
            _ => ReluSums<T>.Step<N3>(ref First(scores), stride, rows, columns, ref First(bias), ref First(sum)),
        };

    private protected override void ProductCore(ReadOnlySpan<float> a, int aRow, int aInner, ReadOnlySpan<float> b, int bRow,
        Span<float> c, int cRow,
        int rows, int inner, int columns, bool add) =>
        TileProduct<T>.Multiply(ref First(a), aRow, aInner, ref First(b), bRow, ref First(c), cRow, rows, inner, columns, add);

    private protected override void AddCompensatedCore(ReadOnlySpan<float> term, Span<float> high, Span<float> low) =>
        Rows<T>.AddCompensated(ref First(term), term.Length, ref First(high), ref First(low));

    private static ref TItem First<TItem>(ReadOnlySpan<TItem> span) => ref MemoryMarshal.GetReference(span);

    private static ref TItem First<TItem>(Span<TItem> span) => ref MemoryMarshal.GetReference(span);
}
