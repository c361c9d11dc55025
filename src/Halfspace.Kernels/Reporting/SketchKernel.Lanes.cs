using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

/// <summary>The one kernel, over a register of words.</summary>
internal sealed class SketchKernel<TLane, T>(SimdTier tier) : SketchKernel(tier)
    where TLane : struct, IWordLane<T>
    where T : unmanaged
{
    private const int Points = SketchBlocks.Points, CacheLine = 64;

    // Registers of points that are taken together and share what is loaded of the queries. Where they are all of a block's points, memory is read
    // in order.
    private const int Together = 4;

    // Query words until partial sums are widened: 8 groups of coordinates.
    private const int WordsOfPartial = 16;

    /// <summary>What is made of a register's dot products; it alone knows a block's factors.</summary>
    private interface IFinish
    {
        static abstract int BlockBytes(int padded);

        /// <summary>What all queries share of a register's factors.</summary>
        static abstract T Shared(ref byte factors, int slot);

        static abstract void Store(
            T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms, ref float values, ref float others);
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

    private protected override void ScoreKeysCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> scores, int stride) =>
        Run<KeyScores>(blocks, count, queries, scores, scores, stride);

    private protected override void BoundKeysCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> uppers, int stride) =>
        Run<KeyUppers>(blocks, count, queries, uppers, uppers, stride);

    private protected override int CompactCore(ReadOnlySpan<float> values, float least, int first, Span<int> places)
    {
        ref float v = ref MemoryMarshal.GetReference(values);
        ref int p = ref MemoryMarshal.GetReference(places);
        T border = Float(least);
        int found = 0;
        for (int i = 0; i < values.Length; i += TLane.Width)
            found += TLane.StoreIndices(TLane.AtLeast(TLane.LoadFloats(ref v, i), border), first + i, ref Unsafe.Add(ref p, found));
        return found;
    }

    private static void Run<TFinish>(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> values, Span<float> others, int stride)
        where TFinish : struct, IFinish
    {
        // As many queries as leave their sums of all registers in registers: there are 16 narrow ones and 32 of 512 bits.
        int most = TLane.Width > 8 ? 4 : 3;
        for (int q = 0, take; q < queries.Count; q += take)
        {
            take = Math.Min(most, queries.Count - q);
            ref float own = ref values[q * stride];
            ref float other = ref others[q * stride];
            switch (take)
            {
                case 1: Run<N1, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
                case 2: Run<N2, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
                case 3: Run<N3, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
                default: Run<N4, TFinish>(blocks, count, queries, q, ref own, ref other, stride); break;
            }
        }
    }

    private static unsafe void Run<TCount, TFinish>(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, int first, ref float values, ref float others, int stride)
        where TCount : struct, IConstant
        where TFinish : struct, IFinish
    {
        int padded = queries.Padded, bytes = TFinish.BlockBytes(padded), codes = SketchBlocks.CodeBytes(padded);
        ref byte block = ref MemoryMarshal.GetReference(blocks);
        ref int q = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(queries.Words), first * (padded / 4));
        // On a cache line: a register that lies across two is slow to store and to read back.
        byte* memory = stackalloc byte[(2 * 16 * sizeof(T)) + CacheLine];
        ref T dots = ref Unsafe.AsRef<T>((void*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)));
        ref T partial = ref Unsafe.Add(ref dots, 16);
        for (int i = 0; i < count; i++, block = ref Unsafe.Add(ref block, bytes))
        {
            for (int slot = 0; slot < Points; slot += Together * TLane.Width)
            {
                for (int start = 0; start < padded / 4; start += WordsOfPartial)
                {
                    if (start > 0) Widen(ref dots, ref partial, 4 * TCount.Value, start > WordsOfPartial);
                    Dots<TCount>(ref Unsafe.Add(ref block, slot * 4), ref q, padded / 4, start, i + 1 < count ? bytes : 0, ref partial);
                }

                int at = (i * Points) + slot;
                Finish<TCount, TFinish>(
                    ref dots, ref partial, padded / 4 > WordsOfPartial, ref Unsafe.Add(ref block, codes), slot, in queries[first],
                    ref Unsafe.Add(ref values, at), ref Unsafe.Add(ref others, at), stride);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Widen(ref T dots, ref T partial, int count, bool add)
    {
        for (int i = 0; i < count; i++)
            Unsafe.Add(ref dots, i) = TLane.AddPartial(add ? Unsafe.Add(ref dots, i) : default, Unsafe.Add(ref partial, i));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Finish<TCount, TFinish>(
        ref T dots, ref T partial, bool add, ref byte factors, int slot, in SketchQueries.Terms terms, ref float values, ref float others, int stride)
        where TCount : struct, IConstant
        where TFinish : struct, IFinish
    {
        ref SketchQueries.Terms first = ref Unsafe.AsRef(in terms);
        for (int r = 0; r < Together; r++)
        {
            int at = r * TLane.Width;
            T shared = TFinish.Shared(ref factors, slot + at);
            for (int m = 0; m < TCount.Value; m++)
            {
                int sum = (m * 4) + r, to = (m * stride) + at;
                T dot = TLane.AddPartial(add ? Unsafe.Add(ref dots, sum) : default, Unsafe.Add(ref partial, sum));
                TFinish.Store(dot, shared, ref factors, slot + at, in Unsafe.Add(ref first, m), ref Unsafe.Add(ref values, to), ref Unsafe.Add(ref others, to));
            }
        }
    }

    // Partial sums Σ code·query of four registers of points for one to four queries, query m's from 4·m on. It is written out, and calls
    // nothing: so all sums stay in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void Dots<TCount>(ref byte codes, ref int q, int stride, int start, int ahead, ref T partial)
        where TCount : struct, IConstant
    {
        T a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        T c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
        int end = Math.Min(start + WordsOfPartial, stride);
        for (int word = start; word < end; word += 2)
        {
            ref byte group = ref Unsafe.Add(ref codes, word * (nint)(2 * Points));
            Prefetch.Lines(ref Unsafe.Add(ref group, ahead), Together * TLane.Width * 4);
            ref int own = ref Unsafe.Add(ref q, word);
            T aLow = TLane.Broadcast(own), aHigh = TLane.Broadcast(Unsafe.Add(ref own, 1)), bLow = aLow, bHigh = aHigh, cLow = aLow, cHigh = aHigh;
            T dLow = aLow, dHigh = aHigh;
            if (TCount.Value > 1) (bLow, bHigh) = (TLane.Broadcast(Unsafe.Add(ref own, stride)), TLane.Broadcast(Unsafe.Add(ref own, stride + 1)));
            if (TCount.Value > 2)
                (cLow, cHigh) = (TLane.Broadcast(Unsafe.Add(ref own, 2 * stride)), TLane.Broadcast(Unsafe.Add(ref own, (2 * stride) + 1)));
            if (TCount.Value > 3)
                (dLow, dHigh) = (TLane.Broadcast(Unsafe.Add(ref own, 3 * stride)), TLane.Broadcast(Unsafe.Add(ref own, (3 * stride) + 1)));

            T bytes = TLane.LoadBytes(ref group), low = TLane.Low(bytes), high = TLane.High(bytes);
            a0 = TLane.Accumulate(low, aLow, high, aHigh, a0);
            if (TCount.Value > 1) b0 = TLane.Accumulate(low, bLow, high, bHigh, b0);
            if (TCount.Value > 2) c0 = TLane.Accumulate(low, cLow, high, cHigh, c0);
            if (TCount.Value > 3) d0 = TLane.Accumulate(low, dLow, high, dHigh, d0);

            bytes = TLane.LoadBytes(ref Unsafe.Add(ref group, 4 * TLane.Width));
            (low, high) = (TLane.Low(bytes), TLane.High(bytes));
            a1 = TLane.Accumulate(low, aLow, high, aHigh, a1);
            if (TCount.Value > 1) b1 = TLane.Accumulate(low, bLow, high, bHigh, b1);
            if (TCount.Value > 2) c1 = TLane.Accumulate(low, cLow, high, cHigh, c1);
            if (TCount.Value > 3) d1 = TLane.Accumulate(low, dLow, high, dHigh, d1);

            bytes = TLane.LoadBytes(ref Unsafe.Add(ref group, 8 * TLane.Width));
            (low, high) = (TLane.Low(bytes), TLane.High(bytes));
            a2 = TLane.Accumulate(low, aLow, high, aHigh, a2);
            if (TCount.Value > 1) b2 = TLane.Accumulate(low, bLow, high, bHigh, b2);
            if (TCount.Value > 2) c2 = TLane.Accumulate(low, cLow, high, cHigh, c2);
            if (TCount.Value > 3) d2 = TLane.Accumulate(low, dLow, high, dHigh, d2);

            bytes = TLane.LoadBytes(ref Unsafe.Add(ref group, 12 * TLane.Width));
            (low, high) = (TLane.Low(bytes), TLane.High(bytes));
            a3 = TLane.Accumulate(low, aLow, high, aHigh, a3);
            if (TCount.Value > 1) b3 = TLane.Accumulate(low, bLow, high, bHigh, b3);
            if (TCount.Value > 2) c3 = TLane.Accumulate(low, cLow, high, cHigh, c3);
            if (TCount.Value > 3) d3 = TLane.Accumulate(low, dLow, high, dHigh, d3);
        }

        Unsafe.Add(ref partial, 0) = a0;
        Unsafe.Add(ref partial, 1) = a1;
        (Unsafe.Add(ref partial, 2), Unsafe.Add(ref partial, 3)) = (a2, a3);
        if (TCount.Value > 1) (Unsafe.Add(ref partial, 4), Unsafe.Add(ref partial, 5)) = (b0, b1);
        if (TCount.Value > 1) (Unsafe.Add(ref partial, 6), Unsafe.Add(ref partial, 7)) = (b2, b3);
        if (TCount.Value > 2) (Unsafe.Add(ref partial, 8), Unsafe.Add(ref partial, 9)) = (c0, c1);
        if (TCount.Value > 2) (Unsafe.Add(ref partial, 10), Unsafe.Add(ref partial, 11)) = (c2, c3);
        if (TCount.Value > 3) (Unsafe.Add(ref partial, 12), Unsafe.Add(ref partial, 13)) = (d0, d1);
        if (TCount.Value > 3) (Unsafe.Add(ref partial, 14), Unsafe.Add(ref partial, 15)) = (d2, d3);
    }

    // bound + score − bias.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Upper(T dots, ref float factors, in SketchQueries.Terms terms, out T bound)
    {
        T residual = TLane.LoadFloats(ref factors, 2 * Points), size = TLane.LoadFloats(ref factors, 3 * Points);
        bound = TLane.MultiplyAddFloats(Float(terms.Reach), residual, TLane.MultiplyAddFloats(Float(terms.Error), size, Float(terms.Slack)));
        return Score(dots, ref factors, in terms, TLane.AddFloats(bound, Float(terms.BaseLessBias)));
    }

    // middle·Offset + step·(Scale·dot + Shift) + more.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Score(T dots, ref float factors, in SketchQueries.Terms terms, T more)
    {
        T step = TLane.LoadFloats(ref factors, 0), middle = TLane.LoadFloats(ref factors, Points);
        T scaled = TLane.MultiplyAddFloats(Float(terms.Scale), TLane.ToFloat(dots), Float(terms.Shift));
        return TLane.MultiplyAddFloats(step, scaled, TLane.MultiplyAddFloats(middle, Float(terms.Offset), more));
    }

    // The factors of a slot's points in a block of SketchBlocks.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref float Own(ref byte factors, int slot) => ref Unsafe.Add(ref Unsafe.As<byte, float>(ref factors), slot);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Float(float value) => TLane.Broadcast(BitConverter.SingleToInt32Bits(value));

    private readonly struct Scores : IFinish
    {
        public static int BlockBytes(int padded) => SketchBlocks.Bytes(padded);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Shared(ref byte factors, int slot) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms, ref float values, ref float others) =>
            TLane.StoreFloats(Score(dots, ref Own(ref factors, slot), in terms, Float(terms.Base)), ref values, 0);
    }

    private readonly struct Uppers : IFinish
    {
        public static int BlockBytes(int padded) => SketchBlocks.Bytes(padded);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Shared(ref byte factors, int slot) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms, ref float values, ref float others) =>
            TLane.StoreFloats(Upper(dots, ref Own(ref factors, slot), in terms, out _), ref values, 0);
    }

    private readonly struct Intervals : IFinish
    {
        public static int BlockBytes(int padded) => SketchBlocks.Bytes(padded);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Shared(ref byte factors, int slot) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms, ref float values, ref float others)
        {
            T upper = Upper(dots, ref Own(ref factors, slot), in terms, out T bound);
            TLane.StoreFloats(upper, ref values, 0);
            TLane.StoreFloats(TLane.SubtractFloats(upper, TLane.AddFloats(bound, bound)), ref others, 0);
        }
    }

    // Keys have no middle, and their steps are float16.
    private readonly struct KeyScores : IFinish
    {
        public static int BlockBytes(int padded) => KeyBlocks.Bytes(padded);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Shared(ref byte factors, int slot) => TLane.LoadHalves(ref Unsafe.As<byte, Half>(ref factors), slot);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms, ref float values, ref float others)
        {
            T scaled = TLane.MultiplyAddFloats(Float(terms.Scale), TLane.ToFloat(dots), Float(terms.Shift));
            TLane.StoreFloats(TLane.MultiplyFloats(shared, scaled), ref values, 0);
        }
    }

    // step·(Scale·dot + Shift + Residual·byte).
    private readonly struct KeyUppers : IFinish
    {
        public static int BlockBytes(int padded) => KeyBlocks.Bytes(padded);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Shared(ref byte factors, int slot) => TLane.LoadHalves(ref Unsafe.As<byte, Half>(ref factors), slot);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms, ref float values, ref float others)
        {
            T counts = TLane.LoadCounts(ref Unsafe.Add(ref factors, (2 * Points) + slot));
            T scaled = TLane.MultiplyAddFloats(Float(terms.Scale), TLane.ToFloat(dots), Float(terms.Shift));
            TLane.StoreFloats(TLane.MultiplyFloats(shared, TLane.MultiplyAddFloats(Float(terms.Residual), counts, scaled)), ref values, 0);
        }
    }
}
