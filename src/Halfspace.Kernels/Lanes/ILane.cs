namespace Halfspace.Kernels.Lanes;

/// <summary>A register of floats. Kernels are written once over it; it alone knows widths and instructions.</summary>
internal interface ILane<T> where T : struct, ILane<T>
{
    /// <summary>Floats in a register.</summary>
    static abstract int Width { get; }

    /// <summary>Every lane 0.</summary>
    static abstract T Zero { get; }

    /// <summary>Every lane <paramref name="value"/>.</summary>
    static abstract T Broadcast(float value);

    /// <summary><see cref="Width"/> floats from <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract T Load(ref float first, int index);

    /// <summary><see cref="Width"/> float16 from <paramref name="first"/> + <paramref name="index"/>, widened exactly. Finite values
    /// only.</summary>
    static abstract T LoadHalf(ref Half first, int index);

    /// <summary>Writes the lanes as float16, nearest with ties to even, to <paramref name="first"/> + <paramref name="index"/>; false if
    /// float16 has no such number.</summary>
    static abstract bool StoreHalf(T lanes, ref Half first, int index);

    /// <summary><see cref="Width"/> bytes from <paramref name="first"/> + <paramref name="index"/>, as floats.</summary>
    static abstract T LoadSigned(ref sbyte first, int index);

    /// <summary>Writes the lanes as the nearest bytes, ties to even; what is beyond a byte becomes the last one.</summary>
    static abstract void StoreSigned(T lanes, ref sbyte first, int index);

    /// <summary>Writes the sums of the lanes of four registers to four floats from <paramref name="first"/> + <paramref name="index"/>
    /// on.</summary>
    static abstract void StoreSums(T a, T b, T c, T d, ref float first, int index);

    /// <summary>Writes the lanes to <paramref name="first"/> + <paramref name="index"/>.</summary>
    static abstract void Store(T lanes, ref float first, int index);

    /// <summary>a + b.</summary>
    static abstract T Add(T a, T b);

    /// <summary>a − b.</summary>
    static abstract T Subtract(T a, T b);

    /// <summary>a · b.</summary>
    static abstract T Multiply(T a, T b);

    /// <summary>a · b + sum, rounded once.</summary>
    static abstract T MultiplyAdd(T a, T b, T sum);

    /// <summary>The larger of each pair.</summary>
    static abstract T Max(T a, T b);

    /// <summary>A bit for each lane, the first lane lowest: whether a ≥ b.</summary>
    static abstract uint AtLeast(T a, T b);

    /// <summary>Writes the lanes whose bit is set, in order, from <paramref name="first"/> + <paramref name="index"/> on; a whole register is
    /// touched.</summary>
    /// <returns>How many.</returns>
    static abstract int StoreSelected(T lanes, uint bits, ref float first, int index);

    /// <summary>The sum of the lanes.</summary>
    static abstract float Sum(T lanes);

    /// <summary>The largest lane.</summary>
    static abstract float MaxAcross(T lanes);

    /// <summary>e^x of each lane, at most 2 units in the last place off; 0 below −87, for x ≤ 88.</summary>
    static abstract T Exp(T lanes);

    /// <summary>The numbers whose bits are the lanes, rounded towards 0: 2^(x/2^23 − 127) where that exponent is whole, straight between those.</summary>
    static abstract T FromBits(T lanes);

    /// <summary>1 ≤ u &lt; 2 of each lane u·2^n.</summary>
    static abstract T Significand(T lanes);

    /// <summary>The bits that both have.</summary>
    static abstract T And(T a, T b);

    /// <summary>The lanes, with 0 where a lane's bit is set, the first lane's lowest; bits beyond the lanes are not looked at.</summary>
    static abstract T Unless(T lanes, uint bits);
}
