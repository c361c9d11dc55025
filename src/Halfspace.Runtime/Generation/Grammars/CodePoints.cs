namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Sets of code points as ranges, as regular expressions name them.</summary>
internal static class CodePoints
{
    // Beyond it some take a character for one and others for two, so that what is negated does not go there.
    private const int LastOfBasicPlane = 0xFFFF;

    /// <summary>Every code point.</summary>
    public static (int First, int Last)[] All { get; } = [(0, 0x10FFFF)];

    public static (int First, int Last)[] Digits { get; } = [('0', '9')];

    public static (int First, int Last)[] Word { get; } = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

    public static (int First, int Last)[] Space { get; } =
        [(9, 13), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)];

    /// <summary>What a point stands for: all but line ends.</summary>
    public static (int First, int Last)[] Dot { get; } = Complement([('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)]);

    /// <summary>The ranges ascending and apart.</summary>
    public static (int First, int Last)[] Normalise(IEnumerable<(int First, int Last)> ranges)
    {
        List<(int First, int Last)> result = [];
        foreach ((int first, int last) in ranges.Order())
        {
            if (result.Count > 0 && first <= result[^1].Last + 1) result[^1] = (result[^1].First, Math.Max(result[^1].Last, last));
            else result.Add((first, last));
        }

        return [.. result];
    }

    /// <summary>All others of the basic plane.</summary>
    public static (int First, int Last)[] Complement(IEnumerable<(int First, int Last)> ranges)
    {
        List<(int First, int Last)> result = [];
        int from = 0;
        foreach ((int first, int last) in Normalise(ranges))
        {
            if (first > from) result.Add((from, first - 1));
            from = last + 1;
        }

        if (from <= LastOfBasicPlane) result.Add((from, LastOfBasicPlane));
        return [.. result];
    }
}
