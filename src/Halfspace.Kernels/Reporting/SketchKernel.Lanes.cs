using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

/// <summary>The one kernel, over a register of words.</summary>
internal sealed partial class SketchKernel<TLane, T>(SimdTier tier) : SketchKernel(tier)
    where TLane : struct, IWordLane<T>
    where T : unmanaged
{
    private const int Points = SketchBlocks.Points, CacheLine = 64;

    // Registers of points that are taken together and share what is loaded of the queries. Where they are all of a block's points, memory is read
    // in order.
    private const int Together = 4;

    // Query words until partial sums are widened: 64 coordinates.
    private const int WordsOfPartial = SketchBlocks.RunLength / 4;

    /// <summary>How codes lie in a block.</summary>
    private interface ICodes
    {
        static abstract int BlockBytes(int padded);

        /// <summary>Where what is no code begins.</summary>
        static abstract int CodeBytes(int padded);

        /// <summary>Bytes from one group of 8 coordinates to the next.</summary>
        static abstract int GroupBytes { get; }

        /// <summary>Whether sums begin with what the queries make of the codes' offset.</summary>
        static abstract bool HasOffset { get; }

        /// <summary>Whether the next block is to be asked for.</summary>
        static abstract bool IsAhead { get; }

        /// <summary>Coordinates 0–3 and 4–7 of a group, of the points of a register.</summary>
        static abstract void Load(ref byte group, int register, out T low, out T high);
    }

    /// <summary>What is made of the dot products of four registers of points; it alone knows what follows a block's codes.</summary>
    private interface IFinish
    {
        /// <summary>What all queries share: of each register, or of the block.</summary>
        static abstract Factors Shared(ref byte factors, int slot);

        /// <summary>Writes a query's results.</summary>
        static abstract void Write(
            T a, T b, T c, T d, in Factors shared, ref byte factors, int slot, ref SketchQueries.Terms terms, int block, int query, in Output output);
    }

    /// <summary>What is made of a register's dot products.</summary>
    private interface IValue
    {
        /// <summary>What all queries share of a register's factors.</summary>
        static abstract T Shared(ref byte factors, int slot);

        static abstract T Value(T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms);
    }

    private protected override void EstimateCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> scores, int stride) =>
        Run<Bytes, Values<Scores>>(blocks, count, queries, new() { Values = ref MemoryMarshal.GetReference(scores), Stride = stride });

    private protected override void ScoreKeysCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> scores, int stride) =>
        Run<Nibbles, Values<KeyScores>>(blocks, count, queries, new() { Values = ref MemoryMarshal.GetReference(scores), Stride = stride });

    private protected override void BoundKeysCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> uppers, int stride) =>
        Run<Nibbles, Values<KeyUppers>>(blocks, count, queries, new() { Values = ref MemoryMarshal.GetReference(uppers), Stride = stride });

    private static void Run<TCodes, TFinish>(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, in Output output)
        where TCodes : struct, ICodes
        where TFinish : struct, IFinish
    {
        // As many queries as leave their sums of all registers in registers: there are 16 narrow ones and 32 of 512 bits.
        int most = TLane.Width > 8 ? 4 : 3;
        for (int q = 0, take; q < queries.Count; q += take)
        {
            take = Math.Min(most, queries.Count - q);
            Output own = output.From(q * output.Stride);
            switch (take)
            {
                case 1: Run<N1, TCodes, TFinish>(blocks, count, queries, q, own); break;
                case 2: Run<N2, TCodes, TFinish>(blocks, count, queries, q, own); break;
                case 3: Run<N3, TCodes, TFinish>(blocks, count, queries, q, own); break;
                default: Run<N4, TCodes, TFinish>(blocks, count, queries, q, own); break;
            }
        }
    }

    [SkipLocalsInit, MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void Run<TCount, TCodes, TFinish>(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, int first, in Output output)
        where TCount : struct, IConstant
        where TCodes : struct, ICodes
        where TFinish : struct, IFinish
    {
        int padded = queries.Padded, bytes = TCodes.BlockBytes(padded), codes = TCodes.CodeBytes(padded), runs = 2 * queries.Runs;
        ref byte block = ref MemoryMarshal.GetReference(blocks);
        ref int q = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(queries.Words), first * (padded / 4));
        ref int starts = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(queries.Starts), first * runs);

        // On a cache line: a register that lies across two is slow to store and to read back.
        byte* memory = stackalloc byte[(16 * sizeof(T)) + CacheLine];
        ref T totals = ref Unsafe.AsRef<T>((void*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)));
        bool isLong = padded / 4 > WordsOfPartial;
        ref SketchQueries.Terms terms = ref Unsafe.AsRef(in queries[first]);
        for (int i = 0; i < count; i++, block = ref Unsafe.Add(ref block, bytes))
        {
            int ahead = i + 1 < count ? bytes : 0;
            ref byte factors = ref Unsafe.Add(ref block, codes);
            for (int slot = 0; slot < Points; slot += Together * TLane.Width)
            {
                ref byte own = ref Unsafe.Add(ref block, slot * 4);
                if (!isLong)
                {
                    Dots<TCount, TCodes, TFinish, N1>(
                        ref own, ref q, padded / 4, 0, ahead, ref starts, runs, ref totals, ref factors, slot, ref terms, i, output);
                    continue;
                }

                for (int start = 0; start < padded / 4; start += WordsOfPartial)
                {
                    Dots<TCount, TCodes, TFinish, N2>(
                        ref own, ref q, padded / 4, start, ahead, ref Unsafe.Add(ref starts, start / WordsOfPartial * 2), runs, ref totals, ref factors,
                        slot, ref terms, i, output);
                }
            }
        }
    }

    // Sums Σ code·query of a run of coordinates, of four registers of points and one to four queries, and after the last run what is made of them. It
    // is written out and calls nothing, so that all sums stay in registers, and is part of its caller's loop, as a call a block costs a tenth.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Dots<TCount, TCodes, TFinish, TRuns>(
        ref byte codes, ref int q, int stride, int start, int ahead, ref int starts, int startStride, ref T totals, ref byte factors, int slot,
        ref SketchQueries.Terms terms, int block, in Output output)
        where TCount : struct, IConstant
        where TCodes : struct, ICodes
        where TFinish : struct, IFinish
        where TRuns : struct, IConstant
    {
        T a0 = default, b0 = default, c0 = default, d0 = default;
        if (TCodes.HasOffset)
        {
            a0 = TLane.Start(starts, Unsafe.Add(ref starts, 1));
            if (TCount.Value > 1) b0 = TLane.Start(Unsafe.Add(ref starts, startStride), Unsafe.Add(ref starts, startStride + 1));
            if (TCount.Value > 2) c0 = TLane.Start(Unsafe.Add(ref starts, 2 * startStride), Unsafe.Add(ref starts, (2 * startStride) + 1));
            if (TCount.Value > 3) d0 = TLane.Start(Unsafe.Add(ref starts, 3 * startStride), Unsafe.Add(ref starts, (3 * startStride) + 1));
        }

        T a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0, c1 = c0, c2 = c0, c3 = c0, d1 = d0, d2 = d0, d3 = d0;
        int end = Math.Min(start + WordsOfPartial, stride);
        ref byte group = ref Unsafe.Add(ref codes, start / 2 * (nint)TCodes.GroupBytes);
        for (int word = start; word < end; word += 2, group = ref Unsafe.Add(ref group, TCodes.GroupBytes))
        {
            if (TCodes.IsAhead) Prefetch.Lines(ref Unsafe.Add(ref group, ahead), Together * TLane.Width * 4);
            ref int own = ref Unsafe.Add(ref q, word);
            T aLow = TLane.Broadcast(own), aHigh = TLane.Broadcast(Unsafe.Add(ref own, 1)), bLow = aLow, bHigh = aHigh, cLow = aLow, cHigh = aHigh;
            T dLow = aLow, dHigh = aHigh;
            if (TCount.Value > 1) (bLow, bHigh) = (TLane.Broadcast(Unsafe.Add(ref own, stride)), TLane.Broadcast(Unsafe.Add(ref own, stride + 1)));
            if (TCount.Value > 2)
                (cLow, cHigh) = (TLane.Broadcast(Unsafe.Add(ref own, 2 * stride)), TLane.Broadcast(Unsafe.Add(ref own, (2 * stride) + 1)));
            if (TCount.Value > 3)
                (dLow, dHigh) = (TLane.Broadcast(Unsafe.Add(ref own, 3 * stride)), TLane.Broadcast(Unsafe.Add(ref own, (3 * stride) + 1)));

            TCodes.Load(ref group, 0, out T low, out T high);
            a0 = TLane.Accumulate(low, aLow, high, aHigh, a0);
            if (TCount.Value > 1) b0 = TLane.Accumulate(low, bLow, high, bHigh, b0);
            if (TCount.Value > 2) c0 = TLane.Accumulate(low, cLow, high, cHigh, c0);
            if (TCount.Value > 3) d0 = TLane.Accumulate(low, dLow, high, dHigh, d0);

            TCodes.Load(ref group, 1, out low, out high);
            a1 = TLane.Accumulate(low, aLow, high, aHigh, a1);
            if (TCount.Value > 1) b1 = TLane.Accumulate(low, bLow, high, bHigh, b1);
            if (TCount.Value > 2) c1 = TLane.Accumulate(low, cLow, high, cHigh, c1);
            if (TCount.Value > 3) d1 = TLane.Accumulate(low, dLow, high, dHigh, d1);

            TCodes.Load(ref group, 2, out low, out high);
            a2 = TLane.Accumulate(low, aLow, high, aHigh, a2);
            if (TCount.Value > 1) b2 = TLane.Accumulate(low, bLow, high, bHigh, b2);
            if (TCount.Value > 2) c2 = TLane.Accumulate(low, cLow, high, cHigh, c2);
            if (TCount.Value > 3) d2 = TLane.Accumulate(low, dLow, high, dHigh, d2);

            TCodes.Load(ref group, 3, out low, out high);
            a3 = TLane.Accumulate(low, aLow, high, aHigh, a3);
            if (TCount.Value > 1) b3 = TLane.Accumulate(low, bLow, high, bHigh, b3);
            if (TCount.Value > 2) c3 = TLane.Accumulate(low, cLow, high, cHigh, c3);
            if (TCount.Value > 3) d3 = TLane.Accumulate(low, dLow, high, dHigh, d3);
        }

        if (TRuns.Value > 1)
        {
            (a0, a1, a2, a3) = Widen(ref totals, 0, start, a0, a1, a2, a3);
            if (TCount.Value > 1) (b0, b1, b2, b3) = Widen(ref totals, 4, start, b0, b1, b2, b3);
            if (TCount.Value > 2) (c0, c1, c2, c3) = Widen(ref totals, 8, start, c0, c1, c2, c3);
            if (TCount.Value > 3) (d0, d1, d2, d3) = Widen(ref totals, 12, start, d0, d1, d2, d3);
            if (end < stride) return;
        }
        else
        {
            (a0, a1, a2, a3) = (TLane.Total(a0), TLane.Total(a1), TLane.Total(a2), TLane.Total(a3));
            if (TCount.Value > 1) (b0, b1, b2, b3) = (TLane.Total(b0), TLane.Total(b1), TLane.Total(b2), TLane.Total(b3));
            if (TCount.Value > 2) (c0, c1, c2, c3) = (TLane.Total(c0), TLane.Total(c1), TLane.Total(c2), TLane.Total(c3));
            if (TCount.Value > 3) (d0, d1, d2, d3) = (TLane.Total(d0), TLane.Total(d1), TLane.Total(d2), TLane.Total(d3));
        }

        Factors shared = TFinish.Shared(ref factors, slot);
        TFinish.Write(a0, a1, a2, a3, shared, ref factors, slot, ref terms, block, 0, output);
        if (TCount.Value > 1) TFinish.Write(b0, b1, b2, b3, shared, ref factors, slot, ref Unsafe.Add(ref terms, 1), block, 1, output);
        if (TCount.Value > 2) TFinish.Write(c0, c1, c2, c3, shared, ref factors, slot, ref Unsafe.Add(ref terms, 2), block, 2, output);
        if (TCount.Value > 3) TFinish.Write(d0, d1, d2, d3, shared, ref factors, slot, ref Unsafe.Add(ref terms, 3), block, 3, output);
    }

    // Adds a run's sums to those of the runs before it, which are at totals from i on.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T A, T B, T C, T D) Widen(ref T totals, int i, int start, T a, T b, T c, T d)
    {
        ref T own = ref Unsafe.Add(ref totals, i);
        bool isFirst = start == 0;
        a = TLane.AddPartial(isFirst ? default : own, a);
        b = TLane.AddPartial(isFirst ? default : Unsafe.Add(ref own, 1), b);
        c = TLane.AddPartial(isFirst ? default : Unsafe.Add(ref own, 2), c);
        d = TLane.AddPartial(isFirst ? default : Unsafe.Add(ref own, 3), d);
        (own, Unsafe.Add(ref own, 1), Unsafe.Add(ref own, 2), Unsafe.Add(ref own, 3)) = (a, b, c, d);
        return (a, b, c, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Float(float value) => TLane.Broadcast(BitConverter.SingleToInt32Bits(value));

    /// <summary>Where values go, or a bit for each of them.</summary>
    private ref struct Output
    {
        public ref float Values;
        public ref ulong Inside;
        public ref ulong Doubt;
        public int Stride;

        public readonly Output From(int place) => new()
        {
            Values = ref Unsafe.Add(ref Values, place),
            Inside = ref Unsafe.Add(ref Inside, place),
            Doubt = ref Unsafe.Add(ref Doubt, place),
            Stride = Stride,
        };
    }

    /// <summary>What all queries share of four registers of points; the last three are a block's, where only marks are wanted.</summary>
    private struct Factors
    {
        public T A;
        public T B;
        public T C;
        public T D;
        public float Residual;
        public float Norm;
        public float Scale;
    }

    // Two coordinates a byte: KeyBlocks.
    private readonly struct Nibbles : ICodes
    {
        public static int GroupBytes => 4 * Points;

        public static bool HasOffset => false;

        public static bool IsAhead => true;

        public static int BlockBytes(int padded) => KeyBlocks.Bytes(padded);

        public static int CodeBytes(int padded) => KeyBlocks.CodeBytes(padded);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Load(ref byte group, int register, out T low, out T high)
        {
            T bytes = TLane.LoadBytes(ref Unsafe.Add(ref group, register * 4 * TLane.Width));
            (low, high) = (TLane.Low(bytes), TLane.High(bytes));
        }
    }

    // A coordinate a byte: SketchBlocks. The hardware follows them by itself, and asking for them costs more than it saves.
    private readonly struct Bytes : ICodes
    {
        public static int GroupBytes => 8 * Points;

        public static bool HasOffset => true;

        public static bool IsAhead => false;

        public static int BlockBytes(int padded) => SketchBlocks.Bytes(padded);

        public static int CodeBytes(int padded) => SketchBlocks.CodeBytes(padded);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Load(ref byte group, int register, out T low, out T high)
        {
            ref byte own = ref Unsafe.Add(ref group, register * 4 * TLane.Width);
            low = TLane.LoadBytes(ref own);
            high = TLane.LoadBytes(ref Unsafe.Add(ref own, 4 * Points));
        }
    }

    private readonly struct Values<TValue> : IFinish where TValue : struct, IValue
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Factors Shared(ref byte factors, int slot) => new()
        {
            A = TValue.Shared(ref factors, slot),
            B = TValue.Shared(ref factors, slot + TLane.Width),
            C = TValue.Shared(ref factors, slot + (2 * TLane.Width)),
            D = TValue.Shared(ref factors, slot + (3 * TLane.Width)),
        };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Write(
            T a, T b, T c, T d, in Factors shared, ref byte factors, int slot, ref SketchQueries.Terms terms, int block, int query, in Output output)
        {
            ref float values = ref Unsafe.Add(ref output.Values, (block * Points) + slot + (query * output.Stride));
            TLane.StoreFloats(TValue.Value(a, shared.A, ref factors, slot, terms), ref values, 0);
            TLane.StoreFloats(TValue.Value(b, shared.B, ref factors, slot + TLane.Width, terms), ref values, TLane.Width);
            TLane.StoreFloats(TValue.Value(c, shared.C, ref factors, slot + (2 * TLane.Width), terms), ref values, 2 * TLane.Width);
            TLane.StoreFloats(TValue.Value(d, shared.D, ref factors, slot + (3 * TLane.Width), terms), ref values, 3 * TLane.Width);
        }
    }

    // dot·Scale/scale + Base.
    private readonly struct Scores : IValue
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Shared(ref byte factors, int slot) =>
            TLane.DivideFloats(Float(1), TLane.LoadUpper(ref Unsafe.As<byte, ushort>(ref factors), slot));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Value(T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms) =>
            TLane.MultiplyAddFloats(TLane.MultiplyFloats(TLane.ToFloat(dots), Float(terms.Scale)), shared, Float(terms.Base));
    }

    // Keys' steps are float16.
    private readonly struct KeyScores : IValue
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Shared(ref byte factors, int slot) => TLane.LoadHalves(ref Unsafe.As<byte, Half>(ref factors), slot);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Value(T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms) =>
            TLane.MultiplyFloats(shared, TLane.MultiplyAddFloats(Float(terms.Scale), TLane.ToFloat(dots), Float(terms.Shift)));
    }

    // step·(Scale·dot + Shift + Residual·byte).
    private readonly struct KeyUppers : IValue
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Shared(ref byte factors, int slot) => TLane.LoadHalves(ref Unsafe.As<byte, Half>(ref factors), slot);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Value(T dots, T shared, ref byte factors, int slot, in SketchQueries.Terms terms)
        {
            T counts = TLane.LoadCounts(ref Unsafe.Add(ref factors, (2 * Points) + slot));
            T scaled = TLane.MultiplyAddFloats(Float(terms.Scale), TLane.ToFloat(dots), Float(terms.Shift));
            return TLane.MultiplyFloats(shared, TLane.MultiplyAddFloats(Float(terms.Residual), counts, scaled));
        }
    }
}
