namespace Halfspace.Attention;

/// <summary>Cuts one buffer into parts that start on cache lines.</summary>
internal ref struct Slices(Span<float> memory)
{
    private Span<float> _rest = memory;

    /// <summary>What a part of <paramref name="length"/> floats takes.</summary>
    public static long Size(long length) => (length + 15) & ~15L;

    public Span<float> Take(int length)
    {
        Span<float> part = _rest[..length];
        _rest = _rest[(int)Size(length)..];
        return part;
    }
}
