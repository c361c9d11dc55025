using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

/// <summary>The one kernel, over a wide lane and a narrower one for short or ragged rows.</summary>
internal sealed class ReportKernel<TLane, TNarrow>(SimdTier tier) : ReportKernel(tier)
    where TLane : struct, ILane<TLane>
    where TNarrow : struct, ILane<TNarrow>
{
    private protected override int ScanFloats(in HalfspaceTest test, ReadOnlySpan<float> rows, int count, int firstId, Span<int> hits) =>
        Scan<float>(test, rows, count, firstId, hits);

    private protected override int ScanHalves(in HalfspaceTest test, ReadOnlySpan<Half> rows, int count, int firstId, Span<int> hits) =>
        Scan<Half>(test, rows, count, firstId, hits);

    private protected override int SelectFloats(in HalfspaceTest test, ReadOnlySpan<float> points, ReadOnlySpan<int> ids, Span<int> hits) =>
        Select<float>(test, points, ids, hits);

    private protected override int SelectHalves(in HalfspaceTest test, ReadOnlySpan<Half> points, ReadOnlySpan<int> ids, Span<int> hits) =>
        Select<Half>(test, points, ids, hits);

    private static int Scan<T>(in HalfspaceTest test, ReadOnlySpan<T> rows, int count, int firstId, Span<int> hits) where T : unmanaged
    {
        int dim = test.Query.Length, found = 0, row = 0;
        ref float q = ref MemoryMarshal.GetReference(test.Query);
        ref T x = ref MemoryMarshal.GetReference(rows);
        float inside = test.Inside, outside = test.Outside;
        Span<float> scores = stackalloc float[4];
        for (; row + 4 <= count; row += 4)
        {
            ref T first = ref Unsafe.Add(ref x, row * dim);
            ScoreFour(ref q, ref first, ref Unsafe.Add(ref first, dim), ref Unsafe.Add(ref first, 2 * dim), ref Unsafe.Add(ref first, 3 * dim), dim, scores);
            for (int r = 0; r < 4; r++)
            {
                hits[found] = firstId + row + r;
                found += Decide(test, scores[r], inside, outside, rows, (row + r) * dim);
            }
        }

        for (; row < count; row++)
        {
            hits[found] = firstId + row;
            found += Decide(test, Score(ref q, ref Unsafe.Add(ref x, row * dim), dim), inside, outside, rows, row * dim);
        }

        return found;
    }

    private static int Select<T>(in HalfspaceTest test, ReadOnlySpan<T> points, ReadOnlySpan<int> ids, Span<int> hits) where T : unmanaged
    {
        int dim = test.Query.Length, found = 0, i = 0;
        ref float q = ref MemoryMarshal.GetReference(test.Query);
        ref T x = ref MemoryMarshal.GetReference(points);
        float inside = test.Inside, outside = test.Outside;
        Span<float> scores = stackalloc float[4];
        for (; i + 4 <= ids.Length; i += 4)
        {
            int a = ids[i], b = ids[i + 1], c = ids[i + 2], d = ids[i + 3];
            ScoreFour(ref q, ref Unsafe.Add(ref x, a * dim), ref Unsafe.Add(ref x, b * dim), ref Unsafe.Add(ref x, c * dim), ref Unsafe.Add(ref x, d * dim), dim, scores);
            hits[found] = a;
            found += Decide(test, scores[0], inside, outside, points, a * dim);
            hits[found] = b;
            found += Decide(test, scores[1], inside, outside, points, b * dim);
            hits[found] = c;
            found += Decide(test, scores[2], inside, outside, points, c * dim);
            hits[found] = d;
            found += Decide(test, scores[3], inside, outside, points, d * dim);
        }

        for (; i < ids.Length; i++)
        {
            int id = ids[i];
            hits[found] = id;
            found += Decide(test, Score(ref q, ref Unsafe.Add(ref x, id * dim), dim), inside, outside, points, id * dim);
        }

        return found;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Decide<T>(in HalfspaceTest test, float score, float inside, float outside, ReadOnlySpan<T> rows, int offset) where T : unmanaged
    {
        int hit = score >= inside ? 1 : 0;
        if (score >= outside && hit == 0) hit = Resolve(test, rows, offset);
        return hit;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Resolve<T>(in HalfspaceTest test, ReadOnlySpan<T> rows, int offset) where T : unmanaged =>
        test.Contains(rows.Slice(offset, test.Query.Length)) ? 1 : 0;

    // Four rows at once hide the latency of the additions.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ScoreFour<T>(ref float q, ref T a, ref T b, ref T c, ref T d, int dim, Span<float> scores) where T : unmanaged
    {
        int i = 0;
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        if (TLane.Width > 1 && dim >= TLane.Width)
        {
            TLane t0 = TLane.Zero, t1 = TLane.Zero, t2 = TLane.Zero, t3 = TLane.Zero;
            for (; i + TLane.Width <= dim; i += TLane.Width)
            {
                TLane lane = TLane.Load(ref q, i);
                t0 = TLane.MultiplyAdd(lane, Wide(ref a, i), t0);
                t1 = TLane.MultiplyAdd(lane, Wide(ref b, i), t1);
                t2 = TLane.MultiplyAdd(lane, Wide(ref c, i), t2);
                t3 = TLane.MultiplyAdd(lane, Wide(ref d, i), t3);
            }

            (s0, s1, s2, s3) = (TLane.Sum(t0), TLane.Sum(t1), TLane.Sum(t2), TLane.Sum(t3));
        }

        if (TNarrow.Width > 1 && dim - i >= TNarrow.Width)
        {
            TNarrow t0 = TNarrow.Zero, t1 = TNarrow.Zero, t2 = TNarrow.Zero, t3 = TNarrow.Zero;
            for (; i + TNarrow.Width <= dim; i += TNarrow.Width)
            {
                TNarrow lane = TNarrow.Load(ref q, i);
                t0 = TNarrow.MultiplyAdd(lane, Narrow(ref a, i), t0);
                t1 = TNarrow.MultiplyAdd(lane, Narrow(ref b, i), t1);
                t2 = TNarrow.MultiplyAdd(lane, Narrow(ref c, i), t2);
                t3 = TNarrow.MultiplyAdd(lane, Narrow(ref d, i), t3);
            }

            (s0, s1, s2, s3) = (s0 + TNarrow.Sum(t0), s1 + TNarrow.Sum(t1), s2 + TNarrow.Sum(t2), s3 + TNarrow.Sum(t3));
        }

        for (; i < dim; i++)
        {
            float value = Unsafe.Add(ref q, i);
            s0 = MathF.FusedMultiplyAdd(value, Value(ref a, i), s0);
            s1 = MathF.FusedMultiplyAdd(value, Value(ref b, i), s1);
            s2 = MathF.FusedMultiplyAdd(value, Value(ref c, i), s2);
            s3 = MathF.FusedMultiplyAdd(value, Value(ref d, i), s3);
        }

        (scores[0], scores[1], scores[2], scores[3]) = (s0, s1, s2, s3);
    }

    private static float Score<T>(ref float q, ref T a, int dim) where T : unmanaged
    {
        TLane sum = TLane.Zero;
        int i = 0;
        for (; i + TLane.Width <= dim; i += TLane.Width) sum = TLane.MultiplyAdd(TLane.Load(ref q, i), Wide(ref a, i), sum);
        float score = TLane.Sum(sum);
        for (; i < dim; i++) score = MathF.FusedMultiplyAdd(Unsafe.Add(ref q, i), Value(ref a, i), score);
        return score;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Wide<T>(ref T first, int i) where T : unmanaged =>
        typeof(T) == typeof(Half) ? TLane.LoadHalf(ref Unsafe.As<T, Half>(ref first), i) : TLane.Load(ref Unsafe.As<T, float>(ref first), i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TNarrow Narrow<T>(ref T first, int i) where T : unmanaged =>
        typeof(T) == typeof(Half) ? TNarrow.LoadHalf(ref Unsafe.As<T, Half>(ref first), i) : TNarrow.Load(ref Unsafe.As<T, float>(ref first), i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Value<T>(ref T first, int i) where T : unmanaged =>
        typeof(T) == typeof(Half) ? (float)Unsafe.Add(ref Unsafe.As<T, Half>(ref first), i) : Unsafe.Add(ref Unsafe.As<T, float>(ref first), i);
}
