namespace Halfspace.Kernels.Lanes;

/// <summary>A register of 32-bit words, one a point, read as four bytes, two int16, an int32 or a float. Sketch kernels are written once over
/// it; it alone knows widths and instructions.</summary>
internal interface IWordLane<T> where T : struct, IWordLane<T>
{
    /// <summary>Words in a register.</summary>
    static abstract int Width { get; }

    /// <summary>Every word 0.</summary>
    static abstract T Zero { get; }

    /// <summary>The same word in every place.</summary>
    static abstract T Broadcast(int word);

    /// <summary>Words of four bytes each from <paramref name="first"/>: the low nibbles as bytes, and the high ones.</summary>
    static abstract void LoadNibbles(ref byte first, out T low, out T high);

    /// <summary>Adds Σ codes·query over a word's bytes to its sum, codes in 0..15 and query in −127..127, in <paramref name="narrow"/> or
    /// <paramref name="wide"/> as the tier likes. Narrow sums hold while Σ 15·|query| over a half-word's bytes is below 2^15.</summary>
    static abstract void Accumulate(T codes, T query, ref T narrow, ref T wide);

    /// <summary>wide and what narrow holds, as int32.</summary>
    static abstract T Total(T narrow, T wide);

    /// <summary>int32 to float.</summary>
    static abstract T ToFloat(T words);

    /// <summary>Floats from <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract T LoadFloats(ref float first, int index);

    /// <summary>Writes floats to <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract void StoreFloats(T floats, ref float first, int index);

    /// <summary>a · b + sum in float, rounded once.</summary>
    static abstract T MultiplyAddFloats(T a, T b, T sum);

    /// <summary>a + b in float.</summary>
    static abstract T AddFloats(T a, T b);

    /// <summary>a − b in float.</summary>
    static abstract T SubtractFloats(T a, T b);

    /// <summary>Bit i is set where float aᵢ ≥ bᵢ.</summary>
    static abstract uint AtLeast(T a, T b);
}
