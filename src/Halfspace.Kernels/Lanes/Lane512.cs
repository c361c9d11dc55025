using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>16 floats in a 512-bit register.</summary>
internal readonly struct Lane512 : ILane<Lane512>
{
    private readonly Vector512<float> _lanes;

    private Lane512(Vector512<float> lanes) => _lanes = lanes;

    public static int Width => 16;

    public static Lane512 Zero => default;

    public static Lane512 Broadcast(float value) => new(Vector512.Create(value));

    public static Lane512 Load(ref float first, int index) => new(Vector512.LoadUnsafe(ref first, (nuint)index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 LoadHalf(ref Half first, int index)
    {
        // A half's bits, sign-extended and moved into float's fields, are its value times 2^-112, subnormals included; the mask removes the
        // sign's copies.
        Vector256<short> halves = Vector256.LoadUnsafe(ref Unsafe.As<Half, short>(ref first), (nuint)index);
        Vector512<int> wide = Vector512.WidenLower(halves.ToVector512Unsafe());
        Vector512<float> scaled = ((wide << 13) & Vector512.Create(unchecked((int)0x8FFFFFFF))).AsSingle();
        return new(scaled * Vector512.Create(5.192296858534828e33f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 LoadSigned(ref sbyte first, int index)
    {
        Vector128<sbyte> bytes = Vector128.LoadUnsafe(ref first, (nuint)index);
        Vector512<int> wide = Avx512F.IsSupported
            ? Avx512F.ConvertToVector512Int32(bytes)
            : Vector512.WidenLower(Vector512.WidenLower(bytes.ToVector256Unsafe().ToVector512Unsafe()));
        return new(Vector512.ConvertToSingle(wide));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSigned(Lane512 lanes, ref sbyte first, int index)
    {
        Vector512<float> bounded = Vector512.MinNative(Vector512.MaxNative(lanes._lanes, Vector512.Create(-128f)), Vector512.Create(127f));
        // Adding 1.5·2^23 rounds to a whole number, which is then in the low bits.
        Vector512<int> whole = (bounded + Vector512.Create(12582912f)).AsInt32() - Vector512.Create(12582912f).AsInt32();
        Vector256<short> halves = Vector256.Narrow(whole.GetLower(), whole.GetUpper());
        Vector128.Narrow(halves.GetLower(), halves.GetUpper()).StoreUnsafe(ref first, (nuint)index);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool StoreHalf(Lane512 lanes, ref Half first, int index)
    {
        Vector512<int> sign = lanes._lanes.AsInt32() & Vector512.Create(int.MinValue);
        Vector512<int> size = lanes._lanes.AsInt32() ^ sign;
        // Adding half of the last kept bit, less one where that bit is even, and cutting rounds to the nearest even; 112 is the difference
        // of the exponents' biases.
        Vector512<int> normal = (size + Vector512.Create(0xFFF - (112 << 23)) + ((size >>> 13) & Vector512<int>.One)) >>> 13;
        // Below 2^-14 a half is a multiple of 2^-24, the last bit of 0.5: the addition rounds.
        Vector512<int> small = (size.AsSingle() + Vector512.Create(0.5f)).AsInt32() - Vector512.Create(0.5f).AsInt32();
        Vector512<int> bits = Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(113 << 23)), small,
            normal) | (sign >>> 16);
        Vector256<ushort> halves = Vector256.Narrow(bits.AsUInt32().GetLower(), bits.AsUInt32().GetUpper());
        halves.StoreUnsafe(ref Unsafe.As<Half, ushort>(ref first), (nuint)index);
        return Vector512.LessThanAll(size, Vector512.Create(0x477FF000));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(Lane512 a, Lane512 b, Lane512 c, Lane512 d, ref float first, int index)
    {
        if (Avx512F.IsSupported)
        {
            Vector512<float> ab = Avx512F.UnpackLow(a._lanes, b._lanes) + Avx512F.UnpackHigh(a._lanes, b._lanes);
            Vector512<float> cd = Avx512F.UnpackLow(c._lanes, d._lanes) + Avx512F.UnpackHigh(c._lanes, d._lanes);
            Vector512<float> sums = Avx512F.Shuffle(ab, cd, 0b01_00_01_00) + Avx512F.Shuffle(ab, cd, 0b11_10_11_10);
            Vector256<float> folded = sums.GetLower() + sums.GetUpper();
            (folded.GetLower() + folded.GetUpper()).StoreUnsafe(ref first, (nuint)index);
            return;
        }
        Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d)).StoreUnsafe(ref first, (nuint)index);
    }

    public static void Store(Lane512 lanes, ref float first, int index) => lanes._lanes.StoreUnsafe(ref first, (nuint)index);

    public static Lane512 Add(Lane512 a, Lane512 b) => new(a._lanes + b._lanes);

    public static Lane512 Subtract(Lane512 a, Lane512 b) => new(a._lanes - b._lanes);

    public static Lane512 Multiply(Lane512 a, Lane512 b) => new(a._lanes * b._lanes);

    public static Lane512 MultiplyAdd(Lane512 a, Lane512 b, Lane512 sum) => new(Vector512.FusedMultiplyAdd(a._lanes, b._lanes, sum._lanes));

    public static Lane512 Max(Lane512 a, Lane512 b) => new(Vector512.MaxNative(a._lanes, b._lanes));

    public static uint AtLeast(Lane512 a, Lane512 b) =>
        (uint)Vector512.GreaterThanOrEqual(a._lanes, b._lanes).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StoreSelected(Lane512 lanes, uint bits, ref float first, int index)
    {
        // The bits become a mask of lanes again, which the compiler keeps in a mask register.
        Vector512<int> chosen = Vector512.Create((int)bits) & Bit;
        Avx512F.Compress(Vector512<float>.Zero, Vector512.Equals(chosen, Bit).AsSingle(), lanes._lanes).StoreUnsafe(ref first, (nuint)index);
        return System.Numerics.BitOperations.PopCount(bits);
    }

    private static Vector512<int> Bit => Vector512.Create(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);

    public static float Sum(Lane512 lanes) => Vector512.Sum(lanes._lanes);

    public static float MaxAcross(Lane512 lanes)
    {
        Vector128<float> m = Vector128.MaxNative(
            Vector128.MaxNative(lanes._lanes.GetLower().GetLower(), lanes._lanes.GetLower().GetUpper()),
            Vector128.MaxNative(lanes._lanes.GetUpper().GetLower(), lanes._lanes.GetUpper().GetUpper()));
        m = Vector128.MaxNative(m, Vector128.Shuffle(m, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(m.GetElement(0), m.GetElement(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Exp(Lane512 lanes)
    {
        // e^x = 2^n · e^r with n = round(x / ln 2), |r| ≤ ln 2 / 2; e^r by its Taylor polynomial to r^7.
        Vector512<float> x = lanes._lanes;
        Vector512<float> n = Vector512.Round(x * Vector512.Create(1.44269504f));
        Vector512<float> r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        Vector512<float> p = Vector512.Create(1f / 5040);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 720));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 120));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 24));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 6));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.5f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        Vector512<int> exponent = Vector512.ConvertToInt32Native(n) << 23;
        Vector512<float> scaled = (p.AsInt32() + exponent).AsSingle();
        return new(Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-87f)), Vector512<float>.Zero, scaled));
    }

    public static Lane512 FromBits(Lane512 lanes) => new(Vector512.ConvertToInt32Native(lanes._lanes).AsSingle());

    public static Lane512 Significand(Lane512 lanes) => new(
        ((lanes._lanes.AsInt32() & Vector512.Create(0x007F_FFFF)) | Vector512.Create(0x3F80_0000)).AsSingle());

    public static Lane512 And(Lane512 a, Lane512 b) => new(a._lanes & b._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane512 Unless(Lane512 lanes, uint bits) => new(
        (Vector512.Equals(Vector512.Create((int)bits) & Bit, Vector512<int>.Zero) & lanes._lanes.AsInt32()).AsSingle());
}
