using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>4 floats in a 128-bit register.</summary>
internal readonly struct Lane128 : ILane<Lane128>
{
    private readonly Vector128<float> _lanes;

    private Lane128(Vector128<float> lanes) => _lanes = lanes;

    public static int Width => 4;

    public static Lane128 Zero => default;

    public static Lane128 Broadcast(float value) => new(Vector128.Create(value));

    public static Lane128 Load(ref float first, int index) => new(Vector128.LoadUnsafe(ref first, (nuint)index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane128 LoadHalf(ref Half first, int index)
    {
        // As in Lane256: the fields of a half moved into float's, scaled by the difference of the exponents' biases.
        ulong four = Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<Half, byte>(ref Unsafe.Add(ref first, index)));
        Vector128<int> wide = Vector128.WidenLower(Vector128.CreateScalarUnsafe(four).AsInt16());
        Vector128<float> scaled = ((wide << 13) & Vector128.Create(unchecked((int)0x8FFFFFFF))).AsSingle();
        return new(scaled * Vector128.Create(5.192296858534828e33f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane128 LoadSigned(ref sbyte first, int index)
    {
        int four = Unsafe.ReadUnaligned<int>(ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref first, index)));
        Vector128<sbyte> bytes = Vector128.CreateScalarUnsafe(four).AsSByte();
        return new(Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(bytes))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSigned(Lane128 lanes, ref sbyte first, int index)
    {
        Vector128<float> bounded = Vector128.MinNative(Vector128.MaxNative(lanes._lanes, Vector128.Create(-128f)), Vector128.Create(127f));
        // Adding 1.5·2^23 rounds to a whole number, which is then in the low bits.
        Vector128<int> whole = (bounded + Vector128.Create(12582912f)).AsInt32() - Vector128.Create(12582912f).AsInt32();
        Vector128<short> halves = Vector128.Narrow(whole, whole);
        int four = Vector128.Narrow(halves, halves).AsInt32().ToScalar();
        Unsafe.WriteUnaligned(ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref first, index)), four);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool StoreHalf(Lane128 lanes, ref Half first, int index)
    {
        // As in Lane256.
        Vector128<int> sign = lanes._lanes.AsInt32() & Vector128.Create(int.MinValue);
        Vector128<int> size = lanes._lanes.AsInt32() ^ sign;
        Vector128<int> normal = (size + Vector128.Create(0xFFF - (112 << 23)) + ((size >>> 13) & Vector128<int>.One)) >>> 13;
        Vector128<int> small = (size.AsSingle() + Vector128.Create(0.5f)).AsInt32() - Vector128.Create(0.5f).AsInt32();
        Vector128<int> bits = Vector128.ConditionalSelect(Vector128.LessThan(size, Vector128.Create(113 << 23)), small,
            normal) | (sign >>> 16);
        ulong four = Vector128.Narrow(bits.AsUInt32(), bits.AsUInt32()).AsUInt64().ToScalar();
        Unsafe.WriteUnaligned(ref Unsafe.As<Half, byte>(ref Unsafe.Add(ref first, index)), four);
        return Vector128.LessThanAll(size, Vector128.Create(0x477FF000));
    }

    /// <summary>The sums of the lanes of a, b, c and d.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Lane128 a, Lane128 b, Lane128 c, Lane128 d)
    {
        if (AdvSimd.Arm64.IsSupported)
        {
            return AdvSimd.Arm64.AddPairwise(
                AdvSimd.Arm64.AddPairwise(a._lanes, b._lanes), AdvSimd.Arm64.AddPairwise(c._lanes, d._lanes));
        }

        return Sse3.IsSupported
            ? Sse3.HorizontalAdd(Sse3.HorizontalAdd(a._lanes, b._lanes), Sse3.HorizontalAdd(c._lanes, d._lanes))
            : Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));
    }

    public static void StoreSums(Lane128 a, Lane128 b, Lane128 c, Lane128 d, ref float first, int index) =>
        Sums(a, b, c, d).StoreUnsafe(ref first, (nuint)index);

    public static void Store(Lane128 lanes, ref float first, int index) => lanes._lanes.StoreUnsafe(ref first, (nuint)index);

    public static Lane128 Add(Lane128 a, Lane128 b) => new(a._lanes + b._lanes);

    public static Lane128 Subtract(Lane128 a, Lane128 b) => new(a._lanes - b._lanes);

    public static Lane128 Multiply(Lane128 a, Lane128 b) => new(a._lanes * b._lanes);

    public static Lane128 MultiplyAdd(Lane128 a, Lane128 b, Lane128 sum) => new(Vector128.FusedMultiplyAdd(a._lanes, b._lanes, sum._lanes));

    public static Lane128 Max(Lane128 a, Lane128 b) => new(Vector128.MaxNative(a._lanes, b._lanes));

    public static uint AtLeast(Lane128 a, Lane128 b) =>
        Vector128.GreaterThanOrEqual(a._lanes, b._lanes).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StoreSelected(Lane128 lanes, uint bits, ref float first, int index)
    {
        Vector128<int> order = Vector128.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(SetBits.Positions), 8 * (nuint)bits);
        Vector128.ShuffleNative(lanes._lanes, order).StoreUnsafe(ref first, (nuint)index);
        return BitOperations.PopCount(bits);
    }

    public static float Sum(Lane128 lanes) => Vector128.Sum(lanes._lanes);

    public static float MaxAcross(Lane128 lanes)
    {
        Vector128<float> m = Vector128.MaxNative(lanes._lanes, Vector128.Shuffle(lanes._lanes, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(m.GetElement(0), m.GetElement(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane128 Exp(Lane128 lanes)
    {
        // As in Lane256: e^x = 2^n · e^r, e^r by its Taylor polynomial to r^7.
        Vector128<float> x = lanes._lanes;
        Vector128<float> n = Vector128.Round(x * Vector128.Create(1.44269504f));
        Vector128<float> r = Vector128.FusedMultiplyAdd(n, Vector128.Create(-0.693359375f), x);
        r = Vector128.FusedMultiplyAdd(n, Vector128.Create(2.12194440e-4f), r);
        Vector128<float> p = Vector128.Create(1f / 5040);
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(1f / 720));
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(1f / 120));
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(1f / 24));
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(1f / 6));
        p = Vector128.FusedMultiplyAdd(p, r, Vector128.Create(0.5f));
        p = Vector128.FusedMultiplyAdd(p, r, Vector128<float>.One);
        p = Vector128.FusedMultiplyAdd(p, r, Vector128<float>.One);
        Vector128<int> exponent = Vector128.ConvertToInt32Native(n) << 23;
        Vector128<float> scaled = (p.AsInt32() + exponent).AsSingle();
        return new(Vector128.ConditionalSelect(Vector128.LessThan(x, Vector128.Create(-87f)), Vector128<float>.Zero, scaled));
    }

    public static Lane128 FromBits(Lane128 lanes) => new(Vector128.ConvertToInt32Native(lanes._lanes).AsSingle());

    public static Lane128 Significand(Lane128 lanes) => new(
        ((lanes._lanes.AsInt32() & Vector128.Create(0x007F_FFFF)) | Vector128.Create(0x3F80_0000)).AsSingle());

    public static Lane128 And(Lane128 a, Lane128 b) => new(a._lanes & b._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane128 Unless(Lane128 lanes, uint bits) => new(
        (Vector128.Equals(Vector128.Create((int)bits) & Vector128.Create(1, 2, 4, 8), Vector128<int>.Zero) & lanes._lanes.AsInt32()).AsSingle());
}
