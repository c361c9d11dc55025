using System.Text;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Ranges of code points as the bytes of UTF-8.</summary>
internal readonly struct Utf8Ranges(GraphBuilder builder)
{
    private static readonly (int First, int Last)[] _lengths = [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)];

    /// <summary>Any code point of a range but surrogates.</summary>
    public int Of(int first, int last, int next)
    {
        Span<byte> from = stackalloc byte[4], to = stackalloc byte[4];
        List<int> choices = [];
        foreach ((int least, int most) in _lengths)
        {
            int low = Math.Max(first, least), high = Math.Min(last, most);
            if (low > high) continue;
            int length = new Rune(low).EncodeToUtf8(from);
            new Rune(high).EncodeToUtf8(to);
            choices.Add(Sequence(from[..length], to[..length], next));
        }

        return builder.Split([.. choices]);
    }

    private int Sequence(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, int next)
    {
        if (from.Length == 1) return builder.Bytes(ByteSet.Range(from[0], to[0]), next);
        if (from[0] == to[0]) return builder.Bytes(ByteSet.Of(from[0]), Sequence(from[1..], to[1..], next));
        ReadOnlySpan<byte> lowest = [0x80, 0x80, 0x80], highest = [0xBF, 0xBF, 0xBF];
        int first = from[0], last = to[0], rest = from.Length - 1;
        List<int> choices = [];
        if (!from[1..].SequenceEqual(lowest[..rest]))
            choices.Add(builder.Bytes(ByteSet.Of((byte)first++), Sequence(from[1..], highest[..rest], next)));
        if (!to[1..].SequenceEqual(highest[..rest]))
            choices.Add(builder.Bytes(ByteSet.Of((byte)last--), Sequence(lowest[..rest], to[1..], next)));
        if (first <= last) choices.Add(builder.Bytes(ByteSet.Range(first, last), Sequence(lowest[..rest], highest[..rest], next)));
        return builder.Split([.. choices]);
    }
}
