using System.Runtime.CompilerServices;

namespace Halfspace.Kernels.Reporting;

/// <summary>⟨a,x⟩ of float or float16 vectors in the real numbers: the one meaning a point's score has in this project.</summary>
/// <remarks>Whether a point is reported depends on the real number ⟨a,x⟩ alone, not on an order of summation, so every SIMD tier and every
/// structure decides alike. A product of two floats is exact in double; a sum in double carries the bound of Higham, "Accuracy and Stability of
/// Numerical Algorithms", section 3.1; what that bound leaves open is summed in fixed point wide enough for every product.</remarks>
public static class ExactDot
{
    private const int Digits = 22;

    // Products lie in 2^-298 .. 2^256; digit 0 starts at 2^-352, so that every 53-bit significand has whole bits there.
    private const int LowestExponent = -352;

    /// <summary>True where ⟨query, point⟩ ≥ bias.</summary>
    /// <param name="query">a, [d], finite.</param>
    /// <param name="point">x, [d], float or <see cref="Half"/>, finite.</param>
    /// <param name="bias">b; not NaN.</param>
    public static bool AtLeast<T>(ReadOnlySpan<float> query, ReadOnlySpan<T> point, float bias) where T : unmanaged
    {
        if (float.IsInfinity(bias)) return bias < 0;
        double score = Sum(query, point, out double error) - bias;
        error += Math.Abs(score) * 2.3e-16;
        if (score > error) return true;
        return score >= -error && Sign(query, point, bias) >= 0;
    }

    /// <summary>⟨query, point⟩ rounded once to double, to nearest: what ranks points.</summary>
    public static double Rounded<T>(ReadOnlySpan<float> query, ReadOnlySpan<T> point) where T : unmanaged
    {
        Span<long> digits = stackalloc long[Digits];
        Accumulate(query, point, digits);
        return Round(digits);
    }

    /// <summary>⟨query, point⟩ in double, with a bound on its distance from the real number.</summary>
    public static double Sum<T>(ReadOnlySpan<float> query, ReadOnlySpan<T> point, out double error) where T : unmanaged
    {
        if (point.Length < query.Length) throw new ArgumentException($"A point of {query.Length} coordinates is needed; there are {point.Length}.", nameof(point));
        double sum = 0, magnitude = 0;
        for (int i = 0; i < query.Length; i++)
        {
            double product = (double)query[i] * Value(point, i);
            sum += product;
            magnitude += Math.Abs(product);
        }

        // d − 1 additions, and as many again in the magnitude itself.
        error = magnitude * ((query.Length + 2) * 1.2e-16);
        return sum;
    }

    private static int Sign<T>(ReadOnlySpan<float> query, ReadOnlySpan<T> point, float bias) where T : unmanaged
    {
        Span<long> digits = stackalloc long[Digits];
        Accumulate(query, point, digits);
        Add(digits, -(double)bias);
        Carry(digits);
        for (int i = Digits - 1; i >= 0; i--)
            if (digits[i] != 0) return Math.Sign(digits[i]);
        return 0;
    }

    private static void Accumulate<T>(ReadOnlySpan<float> query, ReadOnlySpan<T> point, Span<long> digits) where T : unmanaged
    {
        digits.Clear();
        for (int i = 0; i < query.Length; i++) Add(digits, (double)query[i] * Value(point, i));
    }

    // Adds a double to the fixed-point sum. Digits are 32 bits with the rest of the long for carries: 2^31 additions fit.
    private static void Add(Span<long> digits, double value)
    {
        if (value == 0) return;
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)((bits >> 52) & 0x7FF) - 1075;
        ulong significand = ((ulong)bits & 0xF_FFFF_FFFF_FFFF) | 0x10_0000_0000_0000;
        int position = exponent - LowestExponent;
        int digit = position >> 5;
        UInt128 shifted = (UInt128)significand << (position & 31);
        long sign = bits < 0 ? -1 : 1;
        digits[digit] += sign * (long)(uint)shifted;
        digits[digit + 1] += sign * (long)(uint)(shifted >> 32);
        digits[digit + 2] += sign * (long)(uint)(shifted >> 64);
    }

    // Leaves every digit but the highest in 0 .. 2^32−1; the highest has the sign.
    private static void Carry(Span<long> digits)
    {
        for (int i = 0; i < Digits - 1; i++)
        {
            digits[i + 1] += digits[i] >> 32;
            digits[i] &= 0xFFFF_FFFF;
        }
    }

    private static double Round(Span<long> digits)
    {
        Carry(digits);
        bool negative = digits[Digits - 1] < 0;
        if (negative)
        {
            for (int i = 0; i < Digits; i++) digits[i] = -digits[i];
            Carry(digits);
        }

        int top = Digits - 1;
        while (top >= 0 && digits[top] == 0) top--;
        if (top < 0) return 0;

        // The highest 96 bits hold at least 64 significant ones; a sticky bit stands for the rest, so the conversion below rounds once.
        UInt128 head = ((UInt128)(ulong)digits[top] << 64)
            | (top > 0 ? (UInt128)(ulong)digits[top - 1] << 32 : 0)
            | (top > 1 ? (UInt128)(ulong)digits[top - 2] : 0);
        bool rest = false;
        for (int i = top - 3; i >= 0; i--) rest |= digits[i] != 0;
        int spare = 128 - (int)UInt128.LeadingZeroCount(head) - 62;
        rest |= (head & (((UInt128)1 << spare) - 1)) != 0;
        ulong significand = ((ulong)(head >> spare) << 1) | (rest ? 1UL : 0);
        double value = Math.ScaleB((double)significand, spare - 1 + ((top - 2) * 32) + LowestExponent);
        return negative ? -value : value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Value<T>(ReadOnlySpan<T> point, int i) where T : unmanaged =>
        typeof(T) == typeof(Half) ? (float)Unsafe.BitCast<T, Half>(point[i]) : Unsafe.BitCast<T, float>(point[i]);
}
