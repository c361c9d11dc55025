using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>What is made of coarse sums of many rows: scores s = step·unit·u + base, in nats, whose exponentials are a chord of the curve, up to 6 % too
/// large.</summary>
internal static class CoarseRows<T> where T : struct, ILane<T>
{
    /// <summary>into[i] = scores[i]·factors[i]·by as the nearest byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantise(ref float scores, int count, ref float factors, float by, ref sbyte into)
    {
        T all = T.Broadcast(by);
        int i = 0;
        for (; i <= count - T.Width; i += T.Width)
            T.StoreSigned(T.Multiply(T.Load(ref scores, i), T.Multiply(T.Load(ref factors, i), all)), ref into, i);
        for (; i < count; i++)
        {
            LaneScalar score = LaneScalar.Load(ref scores, i), factor = LaneScalar.Multiply(LaneScalar.Load(ref factors, i), LaneScalar.Broadcast(by));
            LaneScalar.StoreSigned(LaneScalar.Multiply(score, factor), ref into, i);
        }
    }

    /// <summary>totals[r] += Σ e^s over the row's sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Total(ref sbyte sums, int stride, int rows, int count, ref float steps, ref float units, ref float bases, ref double totals)
    {
        for (int r = 0; r < rows; r++, sums = ref Unsafe.Add(ref sums, stride))
        {
            T unit = T.Broadcast(Unsafe.Add(ref units, r) * (float)ExponentialBits.OfNat), shift = Shift(Unsafe.Add(ref bases, r));
            T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero;
            for (int i = 0; i < count; i += 4 * T.Width)
            {
                a = T.Add(a, Weight(ref sums, ref steps, i, unit, shift));
                b = T.Add(b, Weight(ref sums, ref steps, i + T.Width, unit, shift));
                c = T.Add(c, Weight(ref sums, ref steps, i + (2 * T.Width), unit, shift));
                d = T.Add(d, Weight(ref sums, ref steps, i + (3 * T.Width), unit, shift));
            }
            Unsafe.Add(ref totals, r) += T.Sum(T.Add(T.Add(a, b), T.Add(c, d)));
        }
    }

    /// <summary>weights[i] = Σ e^s over the rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weigh(ref sbyte sums, int stride, int rows, int count, ref float steps, ref float units, ref float bases, ref float weights)
    {
        for (int i = 0; i < count; i += 4 * T.Width)
        {
            ref sbyte own = ref sums;
            T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero;
            for (int r = 0; r < rows; r++, own = ref Unsafe.Add(ref own, stride))
            {
                T unit = T.Broadcast(Unsafe.Add(ref units, r) * (float)ExponentialBits.OfNat), shift = Shift(Unsafe.Add(ref bases, r));
                a = T.Add(a, Weight(ref own, ref steps, i, unit, shift));
                b = T.Add(b, Weight(ref own, ref steps, i + T.Width, unit, shift));
                c = T.Add(c, Weight(ref own, ref steps, i + (2 * T.Width), unit, shift));
                d = T.Add(d, Weight(ref own, ref steps, i + (3 * T.Width), unit, shift));
            }
            T.Store(a, ref weights, i);
            T.Store(b, ref weights, i + T.Width);
            T.Store(c, ref weights, i + (2 * T.Width));
            T.Store(d, ref weights, i + (3 * T.Width));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Shift(float score) => T.Broadcast((score * (float)ExponentialBits.OfNat) + (float)ExponentialBits.OfOne);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Weight(ref sbyte sums, ref float steps, int at, T unit, T shift) => T.FromBits(
        T.Max(T.MultiplyAdd(T.Multiply(T.LoadSigned(ref sums, at), T.Load(ref steps, at)), unit, shift), T.Zero));
}
