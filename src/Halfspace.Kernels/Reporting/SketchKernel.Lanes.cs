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

    private protected override void EstimateCore(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> scores, int stride) =>
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

    private static void Run<TFinish>(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> values, Span<float> others, int stride)
        where TFinish : struct, IFinish
    {
        for (int q = 0; q < queries.Count; q += 4)
        {
            ref float own = ref values[q * stride];
            ref float other = ref others[q * stride];
            switch (queries.Count - q)
            {
                case 1: Run<N1, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
                case 2: Run<N2, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
                case 3: Run<N3, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
                default: Run<N4, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
            }
        }
    }

    // Two registers of points at a time: what is loaded of the queries serves both. Of 16-word registers they are two blocks; the last of an odd
    // number is then done twice. Narrower ones are parts of a block.
    private static void Run<TCount, TFinish>(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, int first, ref float values, ref float others, int stride)
        where TCount : struct, IConstant
        where TFinish : struct, IFinish
    {
        int padded = queries.Padded, bytes = SketchBlocks.Bytes(padded);
        ref byte block = ref MemoryMarshal.GetReference(blocks);
        ref int q = ref QueryWords(queries, first);
        Unsafe.SkipInit(out Dots8 dots);
        for (int i = 0; i < count; i += Blocks)
        {
            for (int point = 0; point < SketchBlocks.Points; point += Blocks == 2 ? SketchBlocks.Points : 2 * T.Width)
            {
                ref byte a = ref Unsafe.Add(ref block, 4 * point);
                int next = Blocks == 1 ? T.Width : i + 1 < count ? SketchBlocks.Points : 0;
                ref byte b = ref Unsafe.Add(ref a, Blocks == 1 ? 4 * T.Width : i + 1 < count ? bytes : 0);
                Dots<TCount>(ref a, ref b, ref q, padded, ref dots);
                int at = (i * SketchBlocks.Points) + point;
                for (int m = 0; m < TCount.Value; m++, at += stride)
                {
                    ref readonly SketchQueries.Terms terms = ref queries[first + m];
                    TFinish.Store(dots[2 * m], ref Factors(ref a, padded), in terms, ref Unsafe.Add(ref values, at), ref Unsafe.Add(ref others, at));
                    at += next;
                    TFinish.Store(
                        dots[(2 * m) + 1], ref Factors(ref b, padded), in terms, ref Unsafe.Add(ref values, at), ref Unsafe.Add(ref others, at));
                    at -= next;
                }
            }

            block = ref Unsafe.Add(ref block, Blocks * bytes);
        }
    }

    private static int Blocks => T.Width == SketchBlocks.Points ? 2 : 1;

    private static ref int QueryWords(SketchQueries queries, int first) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(queries.Words), first * (queries.Padded / 4));

    // The first factor of the points whose codes begin at a register; they have the same places among the factors as among the codes.
    private static ref float Factors(ref byte register, int padded) =>
        ref Unsafe.As<byte, float>(ref Unsafe.Add(ref register, SketchBlocks.CodeBytes(padded)));

    // Σ code·query of two registers of points for up to four queries, in turn. Partial sums are added up every 8 groups of coordinates.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Dots<TCount>(ref byte a, ref byte b, ref int q, int padded, ref Dots8 dots) where TCount : struct, IConstant
    {
        int stride = padded / 4;
        for (int start = 0; start < stride; start += 16)
        {
            T a0 = T.Zero, a1 = T.Zero, a2 = T.Zero, a3 = T.Zero, b0 = T.Zero, b1 = T.Zero, b2 = T.Zero, b3 = T.Zero;
            for (int word = start; word < Math.Min(start + 16, stride); word += 2)
            {
                T.LoadNibbles(ref a, out T lowA, out T highA);
                T.LoadNibbles(ref b, out T lowB, out T highB);
                a = ref Unsafe.Add(ref a, 4 * SketchBlocks.Points);
                b = ref Unsafe.Add(ref b, 4 * SketchBlocks.Points);
                Add(lowA, highA, lowB, highB, ref Unsafe.Add(ref q, word), ref a0, ref b0);
                if (TCount.Value > 1) Add(lowA, highA, lowB, highB, ref Unsafe.Add(ref q, word + stride), ref a1, ref b1);
                if (TCount.Value > 2) Add(lowA, highA, lowB, highB, ref Unsafe.Add(ref q, word + (2 * stride)), ref a2, ref b2);
                if (TCount.Value > 3) Add(lowA, highA, lowB, highB, ref Unsafe.Add(ref q, word + (3 * stride)), ref a3, ref b3);
            }

            bool more = start > 0;
            (dots[0], dots[1]) = (T.AddPartial(more ? dots[0] : T.Zero, a0), T.AddPartial(more ? dots[1] : T.Zero, b0));
            if (TCount.Value > 1) (dots[2], dots[3]) = (T.AddPartial(more ? dots[2] : T.Zero, a1), T.AddPartial(more ? dots[3] : T.Zero, b1));
            if (TCount.Value > 2) (dots[4], dots[5]) = (T.AddPartial(more ? dots[4] : T.Zero, a2), T.AddPartial(more ? dots[5] : T.Zero, b2));
            if (TCount.Value > 3) (dots[6], dots[7]) = (T.AddPartial(more ? dots[6] : T.Zero, a3), T.AddPartial(more ? dots[7] : T.Zero, b3));
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
