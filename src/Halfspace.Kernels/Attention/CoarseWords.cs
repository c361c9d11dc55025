using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels;

/// <summary><see cref="CoarseRows{T}"/> in half-words of 512-bit registers: a score's exponential is the upper half of a float's bits, of which a sum needs no
/// more. Two thirds of the work.</summary>
/// <remarks>A sum of bytes u moves a score by u·unit·step; that is off by u·unit·(largest step)/512, and the exponential by another hundredth. Where one of a sum
/// is more than 1.38 nats it counts as that.</remarks>
internal static class CoarseWords
{
    private const int Block = 64, Chunk = 32 * Block;

    /// <summary>Rows that it takes at most.</summary>
    public const int MostRows = 256;

    // The upper bits of e^x as a float are x·OfNat + OfOne.
    private const float OfNat = (float)(ExponentialBits.OfNat / 65536), OfOne = (float)(ExponentialBits.OfOne / 65536);

    public static bool IsSupported => Avx512BW.IsSupported;

    /// <summary>totals[r] += Σ e^s over the row's sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Total(ref sbyte sums, int stride, int rows, int count, ref float steps, ref float units, ref float bases, ref double totals)
    {
        float largest = Largest(ref steps, count);
        Span<short> ratios = stackalloc short[Chunk], factors = stackalloc short[MostRows], shifts = stackalloc short[MostRows];
        SetRows(rows, largest, ref units, ref bases, factors, shifts);
        for (int first = 0, take; first < count; first += take)
        {
            take = Ratios(ref Unsafe.Add(ref steps, first), Math.Min(Chunk, count - first), largest, ratios);
            if (take == 0)
            {
                take = Block;
                CoarseRows<Lanes.Lane512>.Total(
                    ref Unsafe.Add(ref sums, first), stride, rows, take, ref Unsafe.Add(ref steps, first), ref units, ref bases, ref totals);
                continue;
            }
            ref sbyte own = ref Unsafe.Add(ref sums, first);
            for (int r = 0; r < rows; r++, own = ref Unsafe.Add(ref own, stride))
            {
                Vector512<short> by = Vector512.Create(factors[r]), shift = Vector512.Create(shifts[r]);
                Vector512<float> a = default, b = default, c = default, d = default;
                for (int i = 0; i < take; i += Block)
                {
                    Vector512<short> one = Weights(ref own, i, ref ratios[i], by, shift), two = Weights(ref own, i + 32, ref ratios[i + 32], by, shift);
                    a += Even(one);
                    b += Odd(one);
                    c += Even(two);
                    d += Odd(two);
                }
                Unsafe.Add(ref totals, r) += Vector512.Sum((a + b) + (c + d));
            }
        }
    }

    /// <summary>weights[i] = Σ e^s over the rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weigh(ref sbyte sums, int stride, int rows, int count, ref float steps, ref float units, ref float bases, ref float weights)
    {
        float largest = Largest(ref steps, count);
        Span<short> ratios = stackalloc short[Block], factors = stackalloc short[MostRows], shifts = stackalloc short[MostRows];
        SetRows(rows, largest, ref units, ref bases, factors, shifts);
        for (int first = 0; first < count; first += Block)
        {
            if (Ratios(ref Unsafe.Add(ref steps, first), Block, largest, ratios) == 0)
            {
                CoarseRows<Lanes.Lane512>.Weigh(
                    ref Unsafe.Add(ref sums, first), stride, rows, Block, ref Unsafe.Add(ref steps, first), ref units, ref bases,
                    ref Unsafe.Add(ref weights, first));
                continue;
            }
            ref sbyte own = ref Unsafe.Add(ref sums, first);
            Vector512<float> a = default, b = default, c = default, d = default;
            for (int r = 0; r < rows; r++, own = ref Unsafe.Add(ref own, stride))
            {
                Vector512<short> by = Vector512.Create(factors[r]), shift = Vector512.Create(shifts[r]);
                Vector512<short> one = Weights(ref own, 0, ref ratios[0], by, shift), two = Weights(ref own, 32, ref ratios[32], by, shift);
                a += Even(one);
                b += Odd(one);
                c += Even(two);
                d += Odd(two);
            }
            Vector512<int> low = Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), high = low + Vector512.Create(8);
            Avx512F.PermuteVar16x32x2(a, low, b).StoreUnsafe(ref weights, (nuint)first);
            Avx512F.PermuteVar16x32x2(a, high, b).StoreUnsafe(ref weights, (nuint)(first + 16));
            Avx512F.PermuteVar16x32x2(c, low, d).StoreUnsafe(ref weights, (nuint)(first + 32));
            Avx512F.PermuteVar16x32x2(c, high, d).StoreUnsafe(ref weights, (nuint)(first + 48));
        }
    }

    // Of the numbers among the steps.
    private static float Largest(ref float steps, int count)
    {
        Vector512<float> largest = default;
        for (int i = 0; i < count; i += 16) largest = Avx512F.Max(Vector512.LoadUnsafe(ref steps, (nuint)i), largest);
        Vector256<float> half = Avx.Max(largest.GetLower(), largest.GetUpper());
        Vector128<float> quarter = Sse.Max(half.GetLower(), half.GetUpper());
        return MathF.Max(MathF.Max(quarter[0], quarter[1]), MathF.Max(quarter[2], quarter[3]));
    }

    // Steps against the largest, which is 256, block by block up to one that holds no number somewhere.
    private static int Ratios(ref float steps, int count, float largest, Span<short> ratios)
    {
        Vector512<float> by = Vector512.Create(largest > 0 ? 256 / largest : 0);
        for (int i = 0; i < count; i += 16)
        {
            Vector512<float> own = Vector512.LoadUnsafe(ref steps, (nuint)i);
            if (!Vector512.EqualsAll(own, own)) return i / Block * Block;
            Avx512F.ConvertToVector256Int16(Vector512.ConvertToInt32Native((own * by) + Vector512.Create(0.5f))).StoreUnsafe(ref ratios[i]);
        }
        return count;
    }

    private static void SetRows(int rows, float largest, ref float units, ref float bases, Span<short> factors, Span<short> shifts)
    {
        for (int r = 0; r < rows; r++)
        {
            factors[r] = (short)MathF.Min(Unsafe.Add(ref units, r) * largest * (OfNat * 128), short.MaxValue);
            shifts[r] = (short)Math.Clamp((Unsafe.Add(ref bases, r) * OfNat) + OfOne, short.MinValue, short.MaxValue);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Weights(ref sbyte sums, int at, ref short ratios, Vector512<short> by, Vector512<short> shift)
    {
        Vector512<short> wide = Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref sums, (nuint)at));
        Vector512<short> scores = Avx512BW.MultiplyHighRoundScale(wide * Vector512.LoadUnsafe(ref ratios), by);
        return Avx512BW.Max(Avx512BW.AddSaturate(scores, shift), Vector512<short>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Even(Vector512<short> bits) => (bits.AsInt32() << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Odd(Vector512<short> bits) => (bits.AsInt32() & Vector512.Create(unchecked((int)0xFFFF0000))).AsSingle();
}
