using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

/// <summary>The one kernel, over a register of words.</summary>
internal sealed class SketchKernel<T>(SimdTier tier) : SketchKernel(tier) where T : struct, IWordLane<T>
{
    private protected override void EstimateCore(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> scores, int stride)
    {
        for (int q = 0; q < queries.Count; q += 4)
        {
            Span<float> own = scores[(q * stride)..];
            switch (queries.Count - q)
            {
                case 1: Estimate<N1>(blocks, count, queries, q, own, stride); break;
                case 2: Estimate<N2>(blocks, count, queries, q, own, stride); break;
                case 3: Estimate<N3>(blocks, count, queries, q, own, stride); break;
                default: Estimate<N4>(blocks, count, queries, q, own, stride); break;
            }
        }
    }

    private protected override void ClassifyCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, int firstId, Span<int> found, int room, Span<int> counts)
    {
        for (int q = 0; q < queries.Count; q += 4)
        {
            Span<int> own = found[(2 * q * room)..], ownCounts = counts[(2 * q)..];
            switch (queries.Count - q)
            {
                case 1: Classify<N1>(blocks, count, queries, q, firstId, own, room, ownCounts); break;
                case 2: Classify<N2>(blocks, count, queries, q, firstId, own, room, ownCounts); break;
                case 3: Classify<N3>(blocks, count, queries, q, firstId, own, room, ownCounts); break;
                default: Classify<N4>(blocks, count, queries, q, firstId, own, room, ownCounts); break;
            }
        }
    }

    private static void Estimate<TCount>(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, int first, Span<float> scores, int stride)
        where TCount : struct, IConstant
    {
        int padded = queries.Padded, bytes = SketchBlocks.Bytes(padded);
        ref byte block = ref MemoryMarshal.GetReference(blocks);
        ref float s = ref MemoryMarshal.GetReference(scores);
        for (int i = 0; i < count; i++, block = ref Unsafe.Add(ref block, bytes))
        {
            ref float factors = ref Unsafe.As<byte, float>(ref Unsafe.Add(ref block, SketchBlocks.CodeBytes(padded)));
            for (int point = 0; point < SketchBlocks.Points; point += T.Width)
            {
                Dots<TCount>(ref Unsafe.Add(ref block, point * 4), queries, first, padded, out T d0, out T d1, out T d2, out T d3);
                T step = T.LoadFloats(ref factors, point), middle = T.LoadFloats(ref factors, SketchBlocks.Points + point);
                int at = (i * SketchBlocks.Points) + point;
                T.StoreFloats(Score(d0, step, middle, in queries[first]), ref s, at);
                if (TCount.Value > 1) T.StoreFloats(Score(d1, step, middle, in queries[first + 1]), ref s, at + stride);
                if (TCount.Value > 2) T.StoreFloats(Score(d2, step, middle, in queries[first + 2]), ref s, at + (2 * stride));
                if (TCount.Value > 3) T.StoreFloats(Score(d3, step, middle, in queries[first + 3]), ref s, at + (3 * stride));
            }
        }
    }

    private static void Classify<TCount>(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, int first, int firstId, Span<int> found, int room, Span<int> counts)
        where TCount : struct, IConstant
    {
        int padded = queries.Padded, bytes = SketchBlocks.Bytes(padded);
        ref byte block = ref MemoryMarshal.GetReference(blocks);
        for (int i = 0; i < count; i++, block = ref Unsafe.Add(ref block, bytes))
        {
            ref float factors = ref Unsafe.As<byte, float>(ref Unsafe.Add(ref block, SketchBlocks.CodeBytes(padded)));
            for (int point = 0; point < SketchBlocks.Points; point += T.Width)
            {
                Dots<TCount>(ref Unsafe.Add(ref block, point * 4), queries, first, padded, out T d0, out T d1, out T d2, out T d3);
                ref float f = ref Unsafe.Add(ref factors, point);
                int id = firstId + (i * SketchBlocks.Points) + point;
                Decide(d0, ref f, in queries[first], id, found, counts, room);
                if (TCount.Value > 1) Decide(d1, ref f, in queries[first + 1], id, found[(2 * room)..], counts[2..], room);
                if (TCount.Value > 2) Decide(d2, ref f, in queries[first + 2], id, found[(4 * room)..], counts[4..], room);
                if (TCount.Value > 3) Decide(d3, ref f, in queries[first + 3], id, found[(6 * room)..], counts[6..], room);
            }
        }
    }

    // Σ code·query of a register of points for up to four queries. Half-word sums are widened every 8 groups of coordinates.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Dots<TCount>(ref byte codes, SketchQueries queries, int first, int padded, out T d0, out T d1, out T d2, out T d3)
        where TCount : struct, IConstant
    {
        int stride = padded / 4;
        ref int q0 = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(queries.Words), first * stride);
        ref int q1 = ref Unsafe.Add(ref q0, stride);
        ref int q2 = ref Unsafe.Add(ref q1, stride);
        ref int q3 = ref Unsafe.Add(ref q2, stride);
        (d0, d1, d2, d3) = (T.Zero, T.Zero, T.Zero, T.Zero);
        for (int word = 0; word < stride;)
        {
            int end = Math.Min(word + 16, stride);
            T n0 = T.Zero, n1 = T.Zero, n2 = T.Zero, n3 = T.Zero;
            for (; word < end; word += 2)
            {
                T.LoadNibbles(ref codes, out T low, out T high);
                codes = ref Unsafe.Add(ref codes, 4 * SketchBlocks.Points);
                T.Accumulate(low, T.Broadcast(Unsafe.Add(ref q0, word)), ref n0, ref d0);
                T.Accumulate(high, T.Broadcast(Unsafe.Add(ref q0, word + 1)), ref n0, ref d0);
                if (TCount.Value > 1)
                {
                    T.Accumulate(low, T.Broadcast(Unsafe.Add(ref q1, word)), ref n1, ref d1);
                    T.Accumulate(high, T.Broadcast(Unsafe.Add(ref q1, word + 1)), ref n1, ref d1);
                }

                if (TCount.Value > 2)
                {
                    T.Accumulate(low, T.Broadcast(Unsafe.Add(ref q2, word)), ref n2, ref d2);
                    T.Accumulate(high, T.Broadcast(Unsafe.Add(ref q2, word + 1)), ref n2, ref d2);
                }

                if (TCount.Value > 3)
                {
                    T.Accumulate(low, T.Broadcast(Unsafe.Add(ref q3, word)), ref n3, ref d3);
                    T.Accumulate(high, T.Broadcast(Unsafe.Add(ref q3, word + 1)), ref n3, ref d3);
                }
            }

            d0 = T.Total(n0, d0);
            if (TCount.Value > 1) d1 = T.Total(n1, d1);
            if (TCount.Value > 2) d2 = T.Total(n2, d2);
            if (TCount.Value > 3) d3 = T.Total(n3, d3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Score(T dots, T step, T middle, in SketchQueries.Terms terms)
    {
        T scaled = T.MultiplyAddFloats(Float(terms.Scale), T.ToFloat(dots), Float(terms.Shift));
        return T.MultiplyAddFloats(step, scaled, T.MultiplyAddFloats(middle, Float(terms.Offset), Float(terms.Base)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Decide(T dots, ref float factors, in SketchQueries.Terms terms, int id, Span<int> found, Span<int> counts, int room)
    {
        T score = Score(dots, T.LoadFloats(ref factors, 0), T.LoadFloats(ref factors, SketchBlocks.Points), in terms);
        T bound = T.MultiplyAddFloats(
            Float(terms.Reach),
            T.LoadFloats(ref factors, 2 * SketchBlocks.Points),
            T.MultiplyAddFloats(Float(terms.Error), T.LoadFloats(ref factors, 3 * SketchBlocks.Points), Float(terms.Slack)));
        T bias = Float(terms.Bias);
        uint candidates = T.AtLeast(T.AddFloats(score, bound), bias);
        if (candidates == 0) return;
        uint inside = T.AtLeast(T.SubtractFloats(score, bound), bias);
        ref int sure = ref counts[0];
        ref int open = ref counts[1];
        ref int surely = ref MemoryMarshal.GetReference(found);
        ref int openly = ref found[room];
        for (; candidates != 0; candidates &= candidates - 1)
        {
            // Both places are written; only one is counted.
            int i = BitOperations.TrailingZeroCount(candidates), isInside = (int)(inside >> i & 1);
            Unsafe.Add(ref surely, sure) = id + i;
            Unsafe.Add(ref openly, open) = id + i;
            sure += isInside;
            open += 1 - isInside;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Float(float value) => T.Broadcast(BitConverter.SingleToInt32Bits(value));
}
