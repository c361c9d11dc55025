using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>4 words in a 128-bit register.</summary>
/// <remarks>A word of a partial sum is an int32 where the CPU has byte dot products, else two int16 that hold pairs of products.</remarks>
internal readonly struct WordLane128 : IWordLane<Vector128<int>>
{
    public static int Width => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Broadcast(int word) => Vector128.Create(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadBytes(ref byte first) => Vector128.LoadUnsafe(ref first).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Low(Vector128<int> bytes) => bytes & Vector128.Create(0x0F0F0F0F);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> High(Vector128<int> bytes) => (bytes.AsByte() >>> 4).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Accumulate(
        Vector128<int> low, Vector128<int> lowQuery, Vector128<int> high, Vector128<int> highQuery, Vector128<int> partial)
    {
        // A code is below 128, so its byte is the same number with a sign.
        if (Dp.IsSupported)
        {
            return Dp.DotProduct(
                Dp.DotProduct(partial, low.AsSByte(), lowQuery.AsSByte()), high.AsSByte(), highQuery.AsSByte());
        }

        return (partial.AsInt16() + Pairs(low.AsInt16(), lowQuery.AsInt16()) + Pairs(high.AsInt16(), highQuery.AsInt16())).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Start(int low, int high) => Vector128.Create(Dp.IsSupported ? low + high : (low & 0xFFFF) | (high << 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Total(Vector128<int> partial) => Dp.IsSupported ? partial : (partial << 16 >> 16) + (partial >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> AddPartial(Vector128<int> total, Vector128<int> partial) => total + Total(partial);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ToFloat(Vector128<int> words) => Vector128.ConvertToSingle(words).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadFloats(ref float first, int index) => Vector128.LoadUnsafe(ref first, (nuint)index).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadHalves(ref Half first, int index) =>
        Unsafe.BitCast<Lane128, Vector128<int>>(Lane128.LoadHalf(ref first, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadUpper(ref ushort first, int index) =>
        Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<ushort, byte>(ref Unsafe.Add(ref first, index)))).AsUInt16())
            .AsInt32() << 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadCounts(ref byte first)
    {
        Vector128<ushort> halves = Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref first)).AsByte());
        return Vector128.ConvertToSingle(Vector128.WidenLower(halves).AsInt32()).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFloats(Vector128<int> floats, ref float first, int index) =>
        floats.AsSingle().StoreUnsafe(ref first, (nuint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> MultiplyFloats(Vector128<int> a, Vector128<int> b) => (a.AsSingle() * b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> MultiplyAddFloats(Vector128<int> a, Vector128<int> b, Vector128<int> sum) =>
        Vector128.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), sum.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> SubtractProductFloats(Vector128<int> a, Vector128<int> b, Vector128<int> c) =>
        Vector128.FusedMultiplyAdd(-b.AsSingle(), c.AsSingle(), a.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> DivideFloats(Vector128<int> a, Vector128<int> b) => (a.AsSingle() / b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> AtLeast(Vector128<int> a, Vector128<int> b) =>
        Vector128.GreaterThanOrEqual(a.AsSingle(), b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Marks(Vector128<int> mask) => mask.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StoreIndices(ulong bits, int first, ref int into) => SetBits.StoreIndices(bits, first, ref into);

    /// <summary>Sums of the two products of bytes in each int16, the code's without a sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> Pairs(Vector128<short> codes, Vector128<short> query) =>
        ((codes & Vector128.Create((short)0xFF)) * (query << 8 >> 8)) + ((codes >>> 8) * (query >> 8));
}
