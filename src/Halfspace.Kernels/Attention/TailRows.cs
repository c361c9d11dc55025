using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>Sweeps over scores of many rows in words of 64: which of them any row reports, and sums over the others.</summary>
internal static class TailRows<T> where T : struct, ILane<T>
{
    private const int Bits = 64;

    // Of a row's running sums, in registers: what TailSums names.
    public const int Sums = 5;

    private const double LeastBits = 1 << 23;

    // 2^(u−1)/u between 1 and 2, what the curve is of its chord: the polynomial whose largest error there is least, 0.0034.
    private const float Curve0 = 1.4570675f, Curve1 = -0.69421164f, Curve2 = 0.2337f;

    /// <summary>Sets bit i where score i of any row is at least that row's bound.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Mark(ref float scores, int stride, int count, ref float bounds, int rows, ref ulong marks)
    {
        for (int first = 0; first < count; first += Bits)
        {
            ulong word = 0;
            for (int i = 0; i < Bits; i += 4 * T.Width)
            {
                // s − b is 0 or more just where s ≥ b, and the largest of them stays in its register whatever the rows.
                ref float own = ref Unsafe.Add(ref scores, first + i);
                T a = T.Broadcast(float.NegativeInfinity), b = a, c = a, d = a;
                for (int r = 0; r < rows; r++, own = ref Unsafe.Add(ref own, stride))
                {
                    T bound = T.Broadcast(-Unsafe.Add(ref bounds, r));
                    a = T.Max(a, T.Add(bound, T.Load(ref own, 0)));
                    b = T.Max(b, T.Add(bound, T.Load(ref own, T.Width)));
                    c = T.Max(c, T.Add(bound, T.Load(ref own, 2 * T.Width)));
                    d = T.Max(d, T.Add(bound, T.Load(ref own, 3 * T.Width)));
                }
                word |= ((ulong)T.AtLeast(a, T.Zero) << i) | ((ulong)T.AtLeast(b, T.Zero) << (i + T.Width))
                    | ((ulong)T.AtLeast(c, T.Zero) << (i + (2 * T.Width))) | ((ulong)T.AtLeast(d, T.Zero) << (i + (3 * T.Width)));
            }
            // What lies beyond the scores may be anything.
            if (count - first < Bits) word &= (1UL << (count - first)) - 1;
            Unsafe.Add(ref marks, first / Bits) |= word;
        }
    }

    /// <summary>Writes for each score all bits or none: whether it is there and not marked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Keep(ref ulong marks, int count, ref float keep)
    {
        T all = T.Broadcast(BitConverter.Int32BitsToSingle(-1));
        for (int first = 0; first < count; first += Bits)
        {
            ulong read = Unsafe.Add(ref marks, first / Bits);
            if (count - first < Bits) read |= ulong.MaxValue << (count - first);
            for (int i = 0; i < Bits; i += T.Width, read >>= T.Width) T.Store(T.Unless(all, (uint)read), ref keep, first + i);
        }
    }

    /// <summary>Adds a row's scores to its running sums.</summary>
    /// <param name="scores">Whole words; those that are not there are 0.</param>
    /// <param name="count">A multiple of 64.</param>
    /// <param name="keep">What <see cref="Keep"/> wrote.</param>
    /// <param name="reference">What weighs 1.</param>
    /// <param name="sums">Five registers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(ref float scores, int count, ref float keep, float reference, ref float sums)
    {
        T scale = T.Broadcast((float)ExponentialBits.OfNat), least = T.Broadcast((float)LeastBits);
        T shift = T.Broadcast((float)(ExponentialBits.OfOne - (reference * ExponentialBits.OfNat)));
        T curve0 = T.Broadcast(Curve0), curve1 = T.Broadcast(Curve1), curve2 = T.Broadcast(Curve2);
        T exponential = T.Load(ref sums, 0), weighted = T.Load(ref sums, T.Width), square = T.Load(ref sums, 2 * T.Width);
        T score = T.Load(ref sums, 3 * T.Width), scatter = T.Load(ref sums, 4 * T.Width);
        for (int i = 0; i < count; i += T.Width)
        {
            T t = T.Load(ref scores, i), own = T.Load(ref keep, i);
            T chord = T.FromBits(T.Max(T.MultiplyAdd(t, scale, shift), least)), u = T.Significand(chord);
            T e = T.And(T.Multiply(chord, T.MultiplyAdd(T.MultiplyAdd(u, curve2, curve1), u, curve0)), own);
            exponential = T.Add(exponential, e);
            weighted = T.MultiplyAdd(e, t, weighted);
            square = T.MultiplyAdd(e, e, square);
            score = T.Add(score, T.And(t, own));
            scatter = T.MultiplyAdd(t, t, scatter);
        }
        T.Store(exponential, ref sums, 0);
        T.Store(weighted, ref sums, T.Width);
        T.Store(square, ref sums, 2 * T.Width);
        T.Store(score, ref sums, 3 * T.Width);
        T.Store(scatter, ref sums, 4 * T.Width);
    }

    /// <summary>A row's sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TailSums Total(ref float sums) => new(
        T.Sum(T.Load(ref sums, 0)), T.Sum(T.Load(ref sums, T.Width)), T.Sum(T.Load(ref sums, 2 * T.Width)), T.Sum(T.Load(ref sums, 3 * T.Width)),
        T.Sum(T.Load(ref sums, 4 * T.Width)));
}
