namespace Halfspace.Kernels.Lanes;

/// <summary>Operations on registers <typeparamref name="T"/> of 32-bit words, one a point, read as four bytes, two int16, an int32 or a float.
/// Sketch kernels are written once over it; it alone knows widths and instructions.</summary>
/// <remarks>Registers are the runtime's own vectors: wrapped in a struct, a kernel has more locals than the compiler keeps in registers.</remarks>
internal interface IWordLane<T> where T : unmanaged
{
    /// <summary>Words in a register.</summary>
    static abstract int Width { get; }

    /// <summary>The same word in every place.</summary>
    static abstract T Broadcast(int word);

    /// <summary>Words of four bytes each from <paramref name="first"/>.</summary>
    static abstract T LoadBytes(ref byte first);

    /// <summary>The low nibble of each byte.</summary>
    static abstract T Low(T bytes);

    /// <summary>The high nibble of each byte.</summary>
    static abstract T High(T bytes);

    /// <summary>partial + Σ low·lowQuery + high·highQuery over each word's bytes, codes in 0..127 and queries in −127..127. What a word of a partial
    /// sum is, is the tier's own; it holds where the sum of each half-word's bytes is in int16 in the end.</summary>
    static abstract T Accumulate(T low, T lowQuery, T high, T highQuery, T partial);

    /// <summary>A partial sum that has begun with a number for each half-word; these may lie beyond int16.</summary>
    static abstract T Start(int low, int high);

    /// <summary>A partial sum as int32.</summary>
    static abstract T Total(T partial);

    /// <summary>total, of int32, and a partial sum.</summary>
    static abstract T AddPartial(T total, T partial);

    /// <summary>int32 to float.</summary>
    static abstract T ToFloat(T words);

    /// <summary>Floats from <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract T LoadFloats(ref float first, int index);

    /// <summary>Float16 from <paramref name="first"/> + <paramref name="index"/>, widened exactly to floats. Finite values only.</summary>
    static abstract T LoadHalves(ref Half first, int index);

    /// <summary>Floats whose upper halves begin at <paramref name="first"/> + <paramref name="index"/>, and whose lower halves are 0.</summary>
    static abstract T LoadUpper(ref ushort first, int index);

    /// <summary>Bytes from <paramref name="first"/>, one a word, as floats.</summary>
    static abstract T LoadCounts(ref byte first);

    /// <summary>Writes floats to <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract void StoreFloats(T floats, ref float first, int index);

    /// <summary>a · b in float.</summary>
    static abstract T MultiplyFloats(T a, T b);

    /// <summary>a · b + sum in float, rounded once.</summary>
    static abstract T MultiplyAddFloats(T a, T b, T sum);

    /// <summary>a − b · c in float, rounded once.</summary>
    static abstract T SubtractProductFloats(T a, T b, T c);

    /// <summary>a / b in float.</summary>
    static abstract T DivideFloats(T a, T b);

    /// <summary>Every bit of word i is set where float aᵢ ≥ bᵢ, none elsewhere.</summary>
    static abstract T AtLeast(T a, T b);

    /// <summary>A bit for each word of the mask, the first lowest.</summary>
    static abstract uint Marks(T mask);

    /// <summary>Writes first + i for each bit i that is set, in order; up to 64 ints are touched.</summary>
    /// <returns>How many were set.</returns>
    static abstract int StoreIndices(ulong bits, int first, ref int into);
}
