using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

/// <summary>The one kernel, over a register of words.</summary>
internal sealed class SketchKernel<T>(SimdTier tier) : SketchKernel(tier) where T : struct, IWordLane<T>
{
    /// <summary>What is made of a register's dot products.</summary>
    private interface IFinish
    {
        static abstract void Store(T dots, ref float factors, in SketchQueries.Terms terms, ref float values, ref float others);
    }

    private protected override void EstimateCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> scores, int stride) =>
        Run<Scores>(blocks, count, queries, scores, scores, stride);

    private protected override void BoundCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> uppers, int stride, Span<float> lowers)
    {
        if (lowers.IsEmpty) Run<Uppers>(blocks, count, queries, uppers, uppers, stride);
        else Run<Intervals>(blocks, count, queries, uppers, lowers, stride);
    }

    private protected override int CompactCore(ReadOnlySpan<float> values, float least, int first, Span<int> places)
    {
        ref float v = ref MemoryMarshal.GetReference(values);
        ref int p = ref MemoryMarshal.GetReference(places);
        T border = Float(least);
        int found = 0;
        for (int i = 0; i < values.Length; i += T.Width)
            found += T.StoreIndices(T.AtLeast(T.LoadFloats(ref v, i), border), first + i, ref Unsafe.Add(ref p, found));
        return found;
    }

    private static void Run<TFinish>(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> values, Span<float> others, int stride)
        where TFinish : struct, IFinish
    {
        for (int q = 0; q < queries.Count; q += 4)
        {
            ref float own = ref values[q * stride];
            ref float other = ref others[q * stride];
            switch (queries.Count - q)
            {
                case 1: RunOne<TFinish>(blocks, count, queries, q, ref own, ref other); break;
                case 2: Run<N2, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
                case 3: Run<N3, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
                default: Run<N4, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
            }
        }
    }

    // Two registers of points at a time: what is loaded of the queries serves both. Behind the end, the last one is done again.
    private static void Run<TCount, TFinish>(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, int first, ref float values, ref float others, int stride)
        where TCount : struct, IConstant
        where TFinish : struct, IFinish
    {
        int padded = queries.Padded, bytes = SketchBlocks.Bytes(padded), last = (count * (SketchBlocks.Points / T.Width)) - 1;
        ref byte start = ref MemoryMarshal.GetReference(blocks);
        ref int q = ref QueryWords(queries, first);
        Unsafe.SkipInit(out Dots8 dots);
        for (int i = 0; i <= last; i += 2)
        {
            int next = Math.Min(i + 1, last);
            ref byte a = ref Register(ref start, i, bytes);
            ref byte b = ref Register(ref start, next, bytes);
            Dots<TCount>(ref a, ref b, ref q, padded, ref dots);
            for (int m = 0; m < TCount.Value; m++)
            {
                ref readonly SketchQueries.Terms terms = ref queries[first + m];
                Finish<TFinish>(dots[2 * m], ref a, padded, in terms, ref values, ref others, (i * T.Width) + (m * stride));
                Finish<TFinish>(dots[(2 * m) + 1], ref b, padded, in terms, ref values, ref others, (next * T.Width) + (m * stride));
            }
        }
    }

    // One query: four registers of points at a time, all sums in registers.
    private static void RunOne<TFinish>(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, int query, ref float values, ref float others)
        where TFinish : struct, IFinish
    {
        int padded = queries.Padded, bytes = SketchBlocks.Bytes(padded), last = (count * (SketchBlocks.Points / T.Width)) - 1;
        ref byte start = ref MemoryMarshal.GetReference(blocks);
        ref int q = ref QueryWords(queries, query);
        ref readonly SketchQueries.Terms terms = ref queries[query];
        for (int i = 0; i <= last; i += 4)
        {
            int j = Math.Min(i + 1, last), k = Math.Min(i + 2, last), l = Math.Min(i + 3, last);
            ref byte a = ref Register(ref start, i, bytes);
            ref byte b = ref Register(ref start, j, bytes);
            ref byte c = ref Register(ref start, k, bytes);
            ref byte d = ref Register(ref start, l, bytes);
            T sumA = T.Zero, sumB = T.Zero, sumC = T.Zero, sumD = T.Zero;
            for (int group = 0; group < padded / 4; group += 16)
            {
                T partA = T.Zero, partB = T.Zero, partC = T.Zero, partD = T.Zero;
                for (int word = group; word < Math.Min(group + 16, padded / 4); word += 2)
                {
                    ref int words = ref Unsafe.Add(ref q, word);
                    nint offset = word * (nint)(2 * SketchBlocks.Points);
                    T.LoadNibbles(ref Unsafe.Add(ref a, offset), out T lowA, out T highA);
                    T.LoadNibbles(ref Unsafe.Add(ref b, offset), out T lowB, out T highB);
                    Add(lowA, highA, lowB, highB, ref words, ref partA, ref partB);
                    T.LoadNibbles(ref Unsafe.Add(ref c, offset), out T lowC, out T highC);
                    T.LoadNibbles(ref Unsafe.Add(ref d, offset), out T lowD, out T highD);
                    Add(lowC, highC, lowD, highD, ref words, ref partC, ref partD);
                }

                (sumA, sumB) = (T.AddPartial(sumA, partA), T.AddPartial(sumB, partB));
                (sumC, sumD) = (T.AddPartial(sumC, partC), T.AddPartial(sumD, partD));
            }

            Finish<TFinish>(sumA, ref a, padded, in terms, ref values, ref others, i * T.Width);
            Finish<TFinish>(sumB, ref b, padded, in terms, ref values, ref others, j * T.Width);
            Finish<TFinish>(sumC, ref c, padded, in terms, ref values, ref others, k * T.Width);
            Finish<TFinish>(sumD, ref d, padded, in terms, ref values, ref others, l * T.Width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish<TFinish>(
        T dots, ref byte register, int padded, in SketchQueries.Terms terms, ref float values, ref float others, int at)
        where TFinish : struct, IFinish =>
        TFinish.Store(
            dots,
            ref Unsafe.As<byte, float>(ref Unsafe.Add(ref register, SketchBlocks.CodeBytes(padded))),
            in terms,
            ref Unsafe.Add(ref values, at),
            ref Unsafe.Add(ref others, at));

    private static ref int QueryWords(SketchQueries queries, int first) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(queries.Words), first * (queries.Padded / 4));

    // The first code of a register's points. They have the same places among the block's codes, four bytes each, as among its factors.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref byte Register(ref byte start, int register, int bytes)
    {
        uint point = (uint)(register * T.Width);
        return ref Unsafe.Add(ref start, (nint)(point / SketchBlocks.Points * (ulong)bytes) + (nint)(point % SketchBlocks.Points * 4));
    }

    // Σ code·query of two registers of points for two to four queries, in turn. Partial sums are added up every 8 groups of coordinates.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Dots<TCount>(ref byte a, ref byte b, ref int q, int padded, ref Dots8 dots) where TCount : struct, IConstant
    {
        int stride = padded / 4;
        for (int start = 0; start < stride; start += 16)
        {
            T a0 = T.Zero, a1 = T.Zero, a2 = T.Zero, a3 = T.Zero, b0 = T.Zero, b1 = T.Zero, b2 = T.Zero, b3 = T.Zero;
            for (int word = start; word < Math.Min(start + 16, stride); word += 2)
            {
                nint offset = word * (nint)(2 * SketchBlocks.Points);
                T.LoadNibbles(ref Unsafe.Add(ref a, offset), out T lowA, out T highA);
                T.LoadNibbles(ref Unsafe.Add(ref b, offset), out T lowB, out T highB);
                Add(lowA, highA, lowB, highB, ref Unsafe.Add(ref q, word), ref a0, ref b0);
                Add(lowA, highA, lowB, highB, ref Unsafe.Add(ref q, word + stride), ref a1, ref b1);
                if (TCount.Value > 2) Add(lowA, highA, lowB, highB, ref Unsafe.Add(ref q, word + (2 * stride)), ref a2, ref b2);
                if (TCount.Value > 3) Add(lowA, highA, lowB, highB, ref Unsafe.Add(ref q, word + (3 * stride)), ref a3, ref b3);
            }

            bool more = start > 0;
            (dots[0], dots[1]) = (T.AddPartial(more ? dots[0] : T.Zero, a0), T.AddPartial(more ? dots[1] : T.Zero, b0));
            (dots[2], dots[3]) = (T.AddPartial(more ? dots[2] : T.Zero, a1), T.AddPartial(more ? dots[3] : T.Zero, b1));
            if (TCount.Value == 2) continue;
            (dots[4], dots[5]) = (T.AddPartial(more ? dots[4] : T.Zero, a2), T.AddPartial(more ? dots[5] : T.Zero, b2));
            if (TCount.Value == 3) continue;
            (dots[6], dots[7]) = (T.AddPartial(more ? dots[6] : T.Zero, a3), T.AddPartial(more ? dots[7] : T.Zero, b3));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(T lowA, T highA, T lowB, T highB, ref int query, ref T a, ref T b)
    {
        T low = T.Broadcast(query), high = T.Broadcast(Unsafe.Add(ref query, 1));
        a = T.Accumulate(highA, high, T.Accumulate(lowA, low, a));
        b = T.Accumulate(highB, high, T.Accumulate(lowB, low, b));
    }

    // bound + score − bias.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Upper(T dots, ref float factors, in SketchQueries.Terms terms, out T bound)
    {
        T residual = T.LoadFloats(ref factors, 2 * SketchBlocks.Points), size = T.LoadFloats(ref factors, 3 * SketchBlocks.Points);
        bound = T.MultiplyAddFloats(Float(terms.Reach), residual, T.MultiplyAddFloats(Float(terms.Error), size, Float(terms.Slack)));
        return Score(dots, ref factors, in terms, T.AddFloats(bound, Float(terms.BaseLessBias)));
    }

    // middle·Offset + step·(Scale·dot + Shift) + more.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Score(T dots, ref float factors, in SketchQueries.Terms terms, T more)
    {
        T step = T.LoadFloats(ref factors, 0), middle = T.LoadFloats(ref factors, SketchBlocks.Points);
        T scaled = T.MultiplyAddFloats(Float(terms.Scale), T.ToFloat(dots), Float(terms.Shift));
        return T.MultiplyAddFloats(step, scaled, T.MultiplyAddFloats(middle, Float(terms.Offset), more));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Float(float value) => T.Broadcast(BitConverter.SingleToInt32Bits(value));

    [InlineArray(8)]
    private struct Dots8
    {
        private T _first;
    }

    private readonly struct Scores : IFinish
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(T dots, ref float factors, in SketchQueries.Terms terms, ref float values, ref float others) =>
            T.StoreFloats(Score(dots, ref factors, in terms, Float(terms.Base)), ref values, 0);
    }

    private readonly struct Uppers : IFinish
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(T dots, ref float factors, in SketchQueries.Terms terms, ref float values, ref float others) =>
            T.StoreFloats(Upper(dots, ref factors, in terms, out _), ref values, 0);
    }

    private readonly struct Intervals : IFinish
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(T dots, ref float factors, in SketchQueries.Terms terms, ref float values, ref float others)
        {
            T upper = Upper(dots, ref factors, in terms, out T bound);
            T.StoreFloats(upper, ref values, 0);
            T.StoreFloats(T.SubtractFloats(upper, T.AddFloats(bound, bound)), ref others, 0);
        }
    }
}
