using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>8 floats in a 256-bit register.</summary>
internal readonly struct Lane256 : ILane<Lane256>
{
    private readonly Vector256<float> _lanes;

    private Lane256(Vector256<float> lanes) => _lanes = lanes;

    public static int Width => 8;

    public static Lane256 Zero => default;

    public static Lane256 Broadcast(float value) => new(Vector256.Create(value));

    public static Lane256 Load(ref float first, int index) => new(Vector256.LoadUnsafe(ref first, (nuint)index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 LoadHalf(ref Half first, int index)
    {
        // A half's bits, sign-extended and moved into float's fields, are its value times 2^-112, subnormals included; the mask removes the
        // sign's copies.
        Vector128<short> halves = Vector128.LoadUnsafe(ref Unsafe.As<Half, short>(ref first), (nuint)index);
        Vector256<int> wide = Vector256.WidenLower(halves.ToVector256Unsafe());
        Vector256<float> scaled = ((wide << 13) & Vector256.Create(unchecked((int)0x8FFFFFFF))).AsSingle();
        return new(scaled * Vector256.Create(5.192296858534828e33f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 LoadSigned(ref sbyte first, int index)
    {
        Vector128<sbyte> bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref first, index)))).AsSByte();
        Vector256<int> wide = Avx2.IsSupported
            ? Avx2.ConvertToVector256Int32(bytes)
            : Vector256.WidenLower(Vector256.WidenLower(bytes.ToVector256Unsafe()));
        return new(Vector256.ConvertToSingle(wide));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSigned(Lane256 lanes, ref sbyte first, int index)
    {
        Vector256<float> bounded = Vector256.MinNative(Vector256.MaxNative(lanes._lanes, Vector256.Create(-128f)), Vector256.Create(127f));
        // Adding 1.5·2^23 rounds to a whole number, which is then in the low bits.
        Vector256<int> whole = (bounded + Vector256.Create(12582912f)).AsInt32() - Vector256.Create(12582912f).AsInt32();
        Vector128<short> halves = Vector128.Narrow(whole.GetLower(), whole.GetUpper());
        long eight = Vector128.Narrow(halves, halves).AsInt64().ToScalar();
        Unsafe.WriteUnaligned(ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref first, index)), eight);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool StoreHalf(Lane256 lanes, ref Half first, int index)
    {
        Vector256<int> sign = lanes._lanes.AsInt32() & Vector256.Create(int.MinValue);
        Vector256<int> size = lanes._lanes.AsInt32() ^ sign;
        // Adding half of the last kept bit, less one where that bit is even, and cutting rounds to the nearest even; 112 is the difference
        // of the exponents' biases.
        Vector256<int> normal = (size + Vector256.Create(0xFFF - (112 << 23)) + ((size >>> 13) & Vector256<int>.One)) >>> 13;
        // Below 2^-14 a half is a multiple of 2^-24, the last bit of 0.5: the addition rounds.
        Vector256<int> small = (size.AsSingle() + Vector256.Create(0.5f)).AsInt32() - Vector256.Create(0.5f).AsInt32();
        Vector256<int> bits = Vector256.ConditionalSelect(Vector256.LessThan(size, Vector256.Create(113 << 23)), small,
            normal) | (sign >>> 16);
        Vector128<ushort> halves = Vector128.Narrow(bits.AsUInt32().GetLower(), bits.AsUInt32().GetUpper());
        halves.StoreUnsafe(ref Unsafe.As<Half, ushort>(ref first), (nuint)index);
        return Vector256.LessThanAll(size, Vector256.Create(0x477FF000));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(Lane256 a, Lane256 b, Lane256 c, Lane256 d, ref float first, int index)
    {
        if (Avx.IsSupported)
        {
            Vector256<float> ab = Avx.UnpackLow(a._lanes, b._lanes) + Avx.UnpackHigh(a._lanes, b._lanes);
            Vector256<float> cd = Avx.UnpackLow(c._lanes, d._lanes) + Avx.UnpackHigh(c._lanes, d._lanes);
            Vector256<float> sums = Avx.Shuffle(ab, cd, 0b01_00_01_00) + Avx.Shuffle(ab, cd, 0b11_10_11_10);
            (sums.GetLower() + sums.GetUpper()).StoreUnsafe(ref first, (nuint)index);
            return;
        }
        Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d)).StoreUnsafe(ref first, (nuint)index);
    }

    public static void Store(Lane256 lanes, ref float first, int index) => lanes._lanes.StoreUnsafe(ref first, (nuint)index);

    public static Lane256 Add(Lane256 a, Lane256 b) => new(a._lanes + b._lanes);

    public static Lane256 Subtract(Lane256 a, Lane256 b) => new(a._lanes - b._lanes);

    public static Lane256 Multiply(Lane256 a, Lane256 b) => new(a._lanes * b._lanes);

    public static Lane256 MultiplyAdd(Lane256 a, Lane256 b, Lane256 sum) => new(Vector256.FusedMultiplyAdd(a._lanes, b._lanes, sum._lanes));

    public static Lane256 Max(Lane256 a, Lane256 b) => new(Vector256.MaxNative(a._lanes, b._lanes));

    public static uint AtLeast(Lane256 a, Lane256 b) =>
        Vector256.GreaterThanOrEqual(a._lanes, b._lanes).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StoreSelected(Lane256 lanes, uint bits, ref float first, int index)
    {
        if (Avx2.IsSupported)
        {
            Vector256<int> order = Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(SetBits.Positions), 8 * (nuint)bits);
            Avx2.PermuteVar8x32(lanes._lanes, order).StoreUnsafe(ref first, (nuint)index);
            return System.Numerics.BitOperations.PopCount(bits);
        }
        int found = 0;
        for (uint left = bits; left != 0; left &= left - 1)
            Unsafe.Add(ref first, index + found++) = lanes._lanes.GetElement(System.Numerics.BitOperations.TrailingZeroCount(left));
        return found;
    }

    private static Vector256<int> Bit => Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);

    public static float Sum(Lane256 lanes) => Vector256.Sum(lanes._lanes);

    public static float MaxAcross(Lane256 lanes)
    {
        Vector128<float> m = Vector128.MaxNative(lanes._lanes.GetLower(), lanes._lanes.GetUpper());
        m = Vector128.MaxNative(m, Vector128.Shuffle(m, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(m.GetElement(0), m.GetElement(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Exp(Lane256 lanes)
    {
        // e^x = 2^n · e^r with n = round(x / ln 2), |r| ≤ ln 2 / 2; e^r by its Taylor polynomial to r^7.
        Vector256<float> x = lanes._lanes;
        Vector256<float> n = Vector256.Round(x * Vector256.Create(1.44269504f));
        Vector256<float> r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-0.693359375f), x);
        r = Vector256.FusedMultiplyAdd(n, Vector256.Create(2.12194440e-4f), r);
        Vector256<float> p = Vector256.Create(1f / 5040);
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1f / 720));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1f / 120));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1f / 24));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1f / 6));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(0.5f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256<float>.One);
        p = Vector256.FusedMultiplyAdd(p, r, Vector256<float>.One);
        Vector256<int> exponent = Vector256.ConvertToInt32Native(n) << 23;
        Vector256<float> scaled = (p.AsInt32() + exponent).AsSingle();
        return new(Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256.Create(-87f)), Vector256<float>.Zero, scaled));
    }

    public static Lane256 FromBits(Lane256 lanes) => new(Vector256.ConvertToInt32Native(lanes._lanes).AsSingle());

    public static Lane256 Significand(Lane256 lanes) => new(
        ((lanes._lanes.AsInt32() & Vector256.Create(0x007F_FFFF)) | Vector256.Create(0x3F80_0000)).AsSingle());

    public static Lane256 And(Lane256 a, Lane256 b) => new(a._lanes & b._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane256 Unless(Lane256 lanes, uint bits) => new(
        (Vector256.Equals(Vector256.Create((int)bits) & Bit, Vector256<int>.Zero) & lanes._lanes.AsInt32()).AsSingle());
}
