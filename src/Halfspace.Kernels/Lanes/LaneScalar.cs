using System.Runtime.CompilerServices;

namespace Halfspace.Kernels.Lanes;

/// <summary>One float: the reference tier.</summary>
internal readonly struct LaneScalar : ILane<LaneScalar>
{
    private readonly float _value;

    private LaneScalar(float value) => _value = value;

    public static int Width => 1;

    public static LaneScalar Zero => default;

    public static LaneScalar Broadcast(float value) => new(value);

    public static LaneScalar Load(ref float first, int index) => new(Unsafe.Add(ref first, index));

    public static LaneScalar LoadHalf(ref Half first, int index) => new((float)Unsafe.Add(ref first, index));

    public static LaneScalar LoadSigned(ref sbyte first, int index) => new(Unsafe.Add(ref first, index));

    public static void StoreSigned(LaneScalar lanes, ref sbyte first, int index) =>
        Unsafe.Add(ref first, index) = (sbyte)MathF.Round(Math.Clamp(lanes._value, sbyte.MinValue, sbyte.MaxValue));

    public static bool StoreHalf(LaneScalar lanes, ref Half first, int index)
    {
        Half half = (Half)lanes._value;
        Unsafe.Add(ref first, index) = half;
        return Half.IsFinite(half);
    }

    public static void StoreSums(LaneScalar a, LaneScalar b, LaneScalar c, LaneScalar d, ref float first, int index)
    {
        Unsafe.Add(ref first, index) = a._value;
        Unsafe.Add(ref first, index + 1) = b._value;
        Unsafe.Add(ref first, index + 2) = c._value;
        Unsafe.Add(ref first, index + 3) = d._value;
    }

    public static void Store(LaneScalar lanes, ref float first, int index) => Unsafe.Add(ref first, index) = lanes._value;

    public static LaneScalar Add(LaneScalar a, LaneScalar b) => new(a._value + b._value);

    public static LaneScalar Subtract(LaneScalar a, LaneScalar b) => new(a._value - b._value);

    public static LaneScalar Multiply(LaneScalar a, LaneScalar b) => new(a._value * b._value);

    public static LaneScalar MultiplyAdd(LaneScalar a, LaneScalar b, LaneScalar sum) => new(MathF.FusedMultiplyAdd(a._value, b._value,
        sum._value));

    public static LaneScalar Max(LaneScalar a, LaneScalar b) => new(MathF.Max(a._value, b._value));

    public static uint AtLeast(LaneScalar a, LaneScalar b) => a._value >= b._value ? 1u : 0;

    public static int StoreSelected(LaneScalar lanes, uint bits, ref float first, int index)
    {
        Unsafe.Add(ref first, index) = lanes._value;
        return (int)bits;
    }

    public static float Sum(LaneScalar lanes) => lanes._value;

    public static float MaxAcross(LaneScalar lanes) => lanes._value;

    public static LaneScalar Exp(LaneScalar lanes) => new(lanes._value < -87f ? 0f : MathF.Exp(lanes._value));

    public static LaneScalar FromBits(LaneScalar lanes) => new(BitConverter.Int32BitsToSingle(float.ConvertToIntegerNative<int>(lanes._value)));

    public static LaneScalar Significand(LaneScalar lanes) =>
        new(BitConverter.Int32BitsToSingle((BitConverter.SingleToInt32Bits(lanes._value) & 0x007F_FFFF) | 0x3F80_0000));

    public static LaneScalar And(LaneScalar a, LaneScalar b) =>
        new(BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a._value) & BitConverter.SingleToInt32Bits(b._value)));

    public static LaneScalar Unless(LaneScalar lanes, uint bits) => (bits & 1) == 0 ? lanes : default;
}
