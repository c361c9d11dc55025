using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>A schema's bounds of a number, exact: m / 10^k each.</summary>
internal sealed class NumberRange
{
    private const int LeastDecimals = 2, MostDecimals = 24, WholeDigits = 18;

    private Bound? _low, _high;

    public bool IsBounded => _low is not null || _high is not null;

    /// <summary>Tightens the range by a keyword's bound.</summary>
    public void Add(JsonElement value, bool isLow, bool isOpen, string where)
    {
        Bound bound = Bound.Read(value, isOpen, where);
        ref Bound? mine = ref isLow ? ref _low : ref _high;
        if (mine is null || (isLow ? bound.IsTighterThan(mine, 1) : bound.IsTighterThan(mine, -1))) mine = bound;
    }

    /// <summary>Whether a constant is in the range.</summary>
    public bool Contains(JsonElement number, string where)
    {
        Bound value = Bound.Read(number, false, where);
        return (_low is null || value.CompareTo(_low) is var l && (_low.IsOpen ? l > 0 : l >= 0))
            && (_high is null || value.CompareTo(_high) is var h && (_high.IsOpen ? h < 0 : h <= 0));
    }

    /// <summary>The integers of the range.</summary>
    public int Integers(GraphBuilder builder, int next) => Numbers(builder, 0, next);

    /// <summary>The range's integers, and its numbers with as many decimals as the bounds have, at least two.</summary>
    public int Decimals(GraphBuilder builder, int next)
    {
        int decimals = Math.Max(LeastDecimals, Math.Max(_low?.Decimals ?? 0, _high?.Decimals ?? 0));
        return builder.Split(Numbers(builder, 0, next), Numbers(builder, decimals, next));
    }

    /// <summary>The numbers of exactly so many decimals.</summary>
    private int Numbers(GraphBuilder builder, int decimals, int next)
    {
        BigInteger far = BigInteger.Pow(10, WholeDigits + decimals) - 1;
        BigInteger? low = _low?.Units(decimals, up: true), high = _high?.Units(decimals, up: false);
        BigInteger from = low ?? BigInteger.Min(-far, (high ?? 0) * 10), to = high ?? BigInteger.Max(far, (low ?? 0) * 10);
        List<int> choices = [];
        if (to >= 0 && from <= to) choices.Add(new DigitRange(builder, decimals, next).Between(BigInteger.Max(from, 0), to));
        if (from < 0 && from <= to)
            choices.Add(builder.Literal("-", new DigitRange(builder, decimals, next).Between(BigInteger.Max(-to, 1), -from)));
        return builder.Split([.. choices]);
    }

    /// <summary>m / 10^k.</summary>
    private sealed record Bound(BigInteger Mantissa, int Decimals, bool IsOpen)
    {
        public static Bound Read(JsonElement value, bool isOpen, string where)
        {
            if (value.ValueKind != JsonValueKind.Number) throw new ModelException($"The schema's {where} is not a number.");
            if (!decimal.TryParse(value.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number) || number.Scale > MostDecimals)
                throw new ModelException($"The schema's {where} is too large or too exact; give a number of at most 28 digits and {MostDecimals} decimals.");
            int[] bits = decimal.GetBits(number);
            BigInteger mantissa = ((BigInteger)(uint)bits[2] << 64) | ((BigInteger)(uint)bits[1] << 32) | (uint)bits[0];
            return new Bound(decimal.IsNegative(number) ? -mantissa : mantissa, number.Scale, isOpen);
        }

        public int CompareTo(Bound other) =>
            (Mantissa * BigInteger.Pow(10, other.Decimals)).CompareTo(other.Mantissa * BigInteger.Pow(10, Decimals));

        /// <summary>Whether it leaves less than another: as a lower bound if <paramref name="sign"/> is 1, as an upper one if −1.</summary>
        public bool IsTighterThan(Bound other, int sign) => CompareTo(other) * sign is var order && (order > 0 || (order == 0 && IsOpen));

        /// <summary>The nearest number of so many decimals inside, in units of the last one.</summary>
        public BigInteger Units(int decimals, bool up)
        {
            BigInteger divisor = BigInteger.Pow(10, Decimals), below = Floor(Mantissa * BigInteger.Pow(10, decimals), divisor, out bool isExact);
            if (isExact) return !IsOpen ? below : up ? below + 1 : below - 1;
            return up ? below + 1 : below;
        }

        private static BigInteger Floor(BigInteger dividend, BigInteger divisor, out bool isExact)
        {
            BigInteger quotient = BigInteger.DivRem(dividend, divisor, out BigInteger remainder);
            isExact = remainder.IsZero;
            return remainder.Sign < 0 ? quotient - 1 : quotient;
        }
    }
}
