using System.Globalization;
using System.Numerics;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Numbers between two bounds as digits, a point before the last so many of them, without zeros in front.</summary>
internal sealed class DigitRange(GraphBuilder builder, int decimals, int next)
{
    private readonly Dictionary<int, int> _free = [];
    private string _low = "", _high = "";

    /// <param name="low">At least 0, in units of the last decimal.</param>
    /// <param name="high">At least <paramref name="low"/>.</param>
    public int Between(BigInteger low, BigInteger high)
    {
        List<int> choices = [];
        for (int length = Text(low, 0).Length; length <= Text(high, 0).Length; length++)
        {
            BigInteger least = length == decimals + 1 ? 0 : BigInteger.Pow(10, length - 1);
            _low = Text(BigInteger.Max(low, least), length);
            _high = Text(BigInteger.Min(high, BigInteger.Pow(10, length) - 1), length);
            choices.Add(From(0, true, true));
        }

        return builder.Split([.. choices]);
    }

    private string Text(BigInteger number, int length) =>
        number.ToString(CultureInfo.InvariantCulture).PadLeft(Math.Max(length, decimals + 1), '0');

    /// <summary>The digits from one on: whether those before are the lower bound's, and the upper bound's.</summary>
    private int From(int digit, bool isLow, bool isHigh)
    {
        int left = _low.Length - digit;
        if (left == 0) return next;
        if (!isLow && !isHigh) return Free(left);
        int low = isLow ? _low[digit] - '0' : 0, high = isHigh ? _high[digit] - '0' : 9;
        if (isLow && isHigh && low == high) return One(left, low, high, From(digit + 1, true, true));
        List<int> choices = [];
        if (isLow) choices.Add(One(left, low, low, From(digit + 1, true, false)));
        if (isHigh) choices.Add(One(left, high, high, From(digit + 1, false, true)));
        int first = isLow ? low + 1 : low, last = isHigh ? high - 1 : high;
        if (first <= last) choices.Add(One(left, first, last, Free(left - 1)));
        return builder.Split([.. choices]);
    }

    private int Free(int left)
    {
        if (left == 0) return next;
        if (!_free.TryGetValue(left, out int node)) _free[left] = node = One(left, 0, 9, Free(left - 1));
        return node;
    }

    private int One(int left, int first, int last, int rest)
    {
        int digit = builder.Bytes(ByteSet.Range('0' + first, '0' + last), rest);
        return left == decimals ? builder.Literal(".", digit) : digit;
    }
}
