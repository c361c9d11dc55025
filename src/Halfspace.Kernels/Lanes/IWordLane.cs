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

    /// <summary>partial + Σ low·lowQuery + high·highQuery over each word's bytes, codes in 0..15 and queries in −127..127. What a word of a partial
    /// sum is, is the tier's own; it holds while Σ 15·|query| over the bytes of a half-word is below 2^15.</summary>
    static abstract T Accumulate(T low, T lowQuery, T high, T highQuery, T partial);

    /// <summary>total, of int32, and a partial sum.</summary>
    static abstract T AddPartial(T total, T partial);

    /// <summary>int32 to float.</summary>
    static abstract T ToFloat(T words);

    /// <summary>Words from <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract T Load(ref int first, int index);

    /// <summary>Writes words to <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract void Store(T words, ref int first, int index);

    /// <summary>Floats from <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract T LoadFloats(ref float first, int index);

    /// <summary>Float16 from <paramref name="first"/> + <paramref name="index"/>, widened exactly to floats. Finite values only.</summary>
    static abstract T LoadHalves(ref Half first, int index);

    /// <summary>Bytes from <paramref name="first"/>, one a word, as floats.</summary>
    static abstract T LoadCounts(ref byte first);

    /// <summary>Writes floats to <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract void StoreFloats(T floats, ref float first, int index);

    /// <summary>a · b in float.</summary>
    static abstract T MultiplyFloats(T a, T b);

    /// <summary>a · b + sum in float, rounded once.</summary>
    static abstract T MultiplyAddFloats(T a, T b, T sum);

    /// <summary>a + b in float.</summary>
    static abstract T AddFloats(T a, T b);

    /// <summary>a − b in float.</summary>
    static abstract T SubtractFloats(T a, T b);

    /// <summary>Every bit of word i is set where float aᵢ ≥ bᵢ, none elsewhere.</summary>
    static abstract T AtLeast(T a, T b);

    /// <summary>Writes first + i for each word i of the mask that is set, in order; up to <see cref="Width"/> ints are touched.</summary>
    /// <returns>How many were set.</returns>
    static abstract int StoreIndices(T mask, int first, ref int into);
}
