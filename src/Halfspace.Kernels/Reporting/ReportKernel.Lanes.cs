using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

/// <summary>The one kernel, over a wide lane and a narrower one for short or ragged rows.</summary>
internal sealed class ReportKernel<TLane, TNarrow>(SimdTier tier) : ReportKernel(tier)
    where TLane : struct, ILane<TLane>
    where TNarrow : struct, ILane<TNarrow>
{
    // Rows between the one that is asked for and the one that is scored.
    private const int Ahead = 12;

    // Bytes of a row that are asked for; the hardware follows a longer one by itself.
    private const int MostAhead = 256;

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
        Vector128<float> outside = Vector128.Create(test.Outside);
        for (; row + 4 <= count; row += 4)
        {
            ref T first = ref Unsafe.Add(ref x, row * dim);
            Vector128<float> scores = ScoreFour(
                ref q, ref first, ref Unsafe.Add(ref first, dim), ref Unsafe.Add(ref first, 2 * dim), ref Unsafe.Add(ref first, 3 * dim), dim);
            uint candidates = Vector128.GreaterThanOrEqual(scores, outside).ExtractMostSignificantBits();
            for (; candidates != 0; candidates &= candidates - 1)
            {
                int r = BitOperations.TrailingZeroCount(candidates);
                hits[found] = firstId + row + r;
                found += Decide(test, scores.GetElement(r), rows, (row + r) * dim);
            }
        }

        for (; row < count; row++)
        {
            hits[found] = firstId + row;
            found += Decide(test, Score(ref q, ref Unsafe.Add(ref x, row * dim), dim), rows, row * dim);
        }

        return found;
    }

    private static int Select<T>(in HalfspaceTest test, ReadOnlySpan<T> points, ReadOnlySpan<int> ids, Span<int> hits) where T : unmanaged
    {
        int dim = test.Query.Length, found = 0, i = 0;
        ref float q = ref MemoryMarshal.GetReference(test.Query);
        ref T x = ref MemoryMarshal.GetReference(points);
        ref int kept = ref MemoryMarshal.GetReference(hits);
        Vector128<float> outside = Vector128.Create(test.Outside), inside = Vector128.Create(test.Inside);
        int bytes = Math.Min(dim * Unsafe.SizeOf<T>(), MostAhead);
        for (; i + 4 <= ids.Length; i += 4)
        {
            // Chosen rows lie apart: no hardware guesses the next ones.
            for (int later = i + Ahead; later < Math.Min(i + Ahead + 4, ids.Length); later++)
                Prefetch.Lines(ref Unsafe.As<T, byte>(ref Row(ref x, ids[later], dim)), bytes);

            // Copied first: hits may be the same memory.
            Vector128<int> four = Vector128.Create(ids.Slice(i, 4));
            Vector128<float> scores = ScoreFour(
                ref q, ref Row(ref x, four[0], dim), ref Row(ref x, four[1], dim), ref Row(ref x, four[2], dim), ref Row(ref x, four[3], dim), dim);
            uint sure = Vector128.GreaterThanOrEqual(scores, inside).ExtractMostSignificantBits();
            uint open = Vector128.GreaterThanOrEqual(scores, outside).ExtractMostSignificantBits() & ~sure;
            for (; open != 0; open &= open - 1)
            {
                int r = BitOperations.TrailingZeroCount(open);
                sure |= (uint)Resolve(test, points, four.GetElement(r) * dim) << r;
            }

            // Always written, counted where sure: who is inside is not to be guessed by the branch predictor.
            Unsafe.Add(ref kept, found) = four[0];
            found += (int)(sure & 1);
            Unsafe.Add(ref kept, found) = four[1];
            found += (int)(sure >> 1 & 1);
            Unsafe.Add(ref kept, found) = four[2];
            found += (int)(sure >> 2 & 1);
            Unsafe.Add(ref kept, found) = four[3];
            found += (int)(sure >> 3);
        }

        for (; i < ids.Length; i++)
        {
            int id = ids[i];
            hits[found] = id;
            found += Decide(test, Score(ref q, ref Row(ref x, id, dim), dim), points, id * dim);
        }

        return found;
    }

    private static ref T Row<T>(ref T first, int id, int dim) => ref Unsafe.Add(ref first, id * dim);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Decide<T>(in HalfspaceTest test, float score, ReadOnlySpan<T> rows, int offset) where T : unmanaged
    {
        if (score < test.Outside) return 0;
        return score >= test.Inside ? 1 : Resolve(test, rows, offset);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Resolve<T>(in HalfspaceTest test, ReadOnlySpan<T> rows, int offset) where T : unmanaged =>
        test.Contains(rows.Slice(offset, test.Query.Length)) ? 1 : 0;

    // Four rows at once hide the latency of the additions. Coordinates that fill no register are left to another method, to keep this one small.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ScoreFour<T>(ref float q, ref T a, ref T b, ref T c, ref T d, int dim) where T : unmanaged
    {
        TLane s0 = TLane.Zero, s1 = TLane.Zero, s2 = TLane.Zero, s3 = TLane.Zero;
        int i = 0;
        for (; i + TLane.Width <= dim; i += TLane.Width)
        {
            TLane lane = TLane.Load(ref q, i);
            s0 = TLane.MultiplyAdd(lane, Wide(ref a, i), s0);
            s1 = TLane.MultiplyAdd(lane, Wide(ref b, i), s1);
            s2 = TLane.MultiplyAdd(lane, Wide(ref c, i), s2);
            s3 = TLane.MultiplyAdd(lane, Wide(ref d, i), s3);
        }

        Vector128<float> scores = LaneSums.Four(s0, s1, s2, s3);
        return i == dim ? scores : AddRest(scores, ref q, ref a, ref b, ref c, ref d, i, dim);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<float> AddRest<T>(Vector128<float> scores, ref float q, ref T a, ref T b, ref T c, ref T d, int i, int dim) where T : unmanaged
    {
        if (i + TNarrow.Width <= dim)
        {
            TNarrow s0 = TNarrow.Zero, s1 = TNarrow.Zero, s2 = TNarrow.Zero, s3 = TNarrow.Zero;
            for (; i + TNarrow.Width <= dim; i += TNarrow.Width)
            {
                TNarrow lane = TNarrow.Load(ref q, i);
                s0 = TNarrow.MultiplyAdd(lane, Narrow(ref a, i), s0);
                s1 = TNarrow.MultiplyAdd(lane, Narrow(ref b, i), s1);
                s2 = TNarrow.MultiplyAdd(lane, Narrow(ref c, i), s2);
                s3 = TNarrow.MultiplyAdd(lane, Narrow(ref d, i), s3);
            }

            scores += LaneSums.Four(s0, s1, s2, s3);
        }

        for (; i < dim; i++)
        {
            Vector128<float> column = Vector128.Create(Value(ref a, i), Value(ref b, i), Value(ref c, i), Value(ref d, i));
            scores = Vector128.FusedMultiplyAdd(Vector128.Create(Unsafe.Add(ref q, i)), column, scores);
        }

        return scores;
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
