namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>A set of bytes.</summary>
internal readonly record struct ByteSet(ulong A, ulong B, ulong C, ulong D)
{
    /// <summary>Every byte.</summary>
    public static ByteSet All => new(~0UL, ~0UL, ~0UL, ~0UL);

    public bool IsEmpty => (A | B | C | D) == 0;

    public bool Contains(int value) => ((value < 128 ? value < 64 ? A : B : value < 192 ? C : D) >> (value & 63) & 1) != 0;

    public static ByteSet Of(byte value) => Range(value, value);

    public static ByteSet Of(string characters)
    {
        ByteSet set = default;
        foreach (char c in characters) set |= Of(checked((byte)c));
        return set;
    }

    /// <summary>The bytes from one to another, both included.</summary>
    public static ByteSet Range(int first, int last)
    {
        Span<ulong> words = stackalloc ulong[4];
        words.Clear();
        for (int value = first; value <= last; value++) words[value >> 6] |= 1UL << (value & 63);
        return new(words[0], words[1], words[2], words[3]);
    }

    public static ByteSet operator |(ByteSet x, ByteSet y) => new(x.A | y.A, x.B | y.B, x.C | y.C, x.D | y.D);

    public static ByteSet operator &(ByteSet x, ByteSet y) => new(x.A & y.A, x.B & y.B, x.C & y.C, x.D & y.D);

    public static ByteSet operator ~(ByteSet x) => new(~x.A, ~x.B, ~x.C, ~x.D);
}
