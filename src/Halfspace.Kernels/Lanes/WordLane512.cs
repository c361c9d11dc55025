using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>16 words in a 512-bit register; byte products by AVX-512BW.</summary>
internal readonly struct WordLane512 : IWordLane<Vector512<int>>
{
    public static int Width => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Broadcast(int word) => Vector512.Create(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadBytes(ref byte first) => Vector512.LoadUnsafe(ref first).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Low(Vector512<int> bytes) => bytes & Vector512.Create(0x0F0F0F0F);

    // A byte shifted right by four as a product of bit matrices is one instruction; there is no byte shift.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> High(Vector512<int> bytes) => Gfni.V512.IsSupported
        ? Gfni.V512.GaloisFieldAffineTransform(bytes.AsByte(), Vector512.Create(0x1020408000000000UL).AsByte(), 0).AsInt32()
        : (bytes >>> 4) & Vector512.Create(0x0F0F0F0F);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Accumulate(
        Vector512<int> low, Vector512<int> lowQuery, Vector512<int> high, Vector512<int> highQuery, Vector512<int> partial) =>
        (partial.AsInt16() + (Avx512BW.MultiplyAddAdjacent(low.AsByte(), lowQuery.AsSByte())
            + Avx512BW.MultiplyAddAdjacent(high.AsByte(), highQuery.AsSByte()))).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Start(int low, int high) => Vector512.Create((low & 0xFFFF) | (high << 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Total(Vector512<int> partial) => Avx512BW.MultiplyAddAdjacent(partial.AsInt16(), Vector512<short>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> AddPartial(Vector512<int> total, Vector512<int> partial) => total + Total(partial);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> ToFloat(Vector512<int> words) => Vector512.ConvertToSingle(words).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadFloats(ref float first, int index) => Vector512.LoadUnsafe(ref first, (nuint)index).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadHalves(ref Half first, int index) =>
        Unsafe.BitCast<Lane512, Vector512<int>>(Lane512.LoadHalf(ref first, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadUpper(ref ushort first, int index) =>
        Avx512F.ConvertToVector512Int32(Vector256.LoadUnsafe(ref first, (nuint)index)) << 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadCounts(ref byte first)
    {
        Vector256<ushort> halves = Vector256.WidenLower(Vector128.LoadUnsafe(ref first).ToVector256Unsafe());
        return Vector512.ConvertToSingle(Vector512.WidenLower(halves.ToVector512Unsafe()).AsInt32()).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFloats(Vector512<int> floats, ref float first, int index) =>
        floats.AsSingle().StoreUnsafe(ref first, (nuint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> MultiplyFloats(Vector512<int> a, Vector512<int> b) => (a.AsSingle() * b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> MultiplyAddFloats(Vector512<int> a, Vector512<int> b, Vector512<int> sum) =>
        Vector512.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), sum.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> SubtractProductFloats(Vector512<int> a, Vector512<int> b, Vector512<int> c) =>
        Avx512F.FusedMultiplyAddNegated(b.AsSingle(), c.AsSingle(), a.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> DivideFloats(Vector512<int> a, Vector512<int> b) => (a.AsSingle() / b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> AtLeast(Vector512<int> a, Vector512<int> b) =>
        Vector512.GreaterThanOrEqual(a.AsSingle(), b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Marks(Vector512<int> mask) => (uint)mask.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StoreIndices(ulong bits, int first, ref int into)
    {
        if (Avx512Vbmi2.IsSupported)
        {
            // To a register, then stored whole: compression to memory is microcoded on some CPUs.
            Vector512<byte> indices = Avx512Vbmi2.Compress(Vector512<byte>.Zero, Spread(bits), Vector512<byte>.Indices);
            int count = BitOperations.PopCount(bits);
            (Avx2.ConvertToVector256Int32(indices.GetLower().GetLower()) + Vector256.Create(first)).StoreUnsafe(ref into);
            if (count > 8) Rest(indices, first, ref into);
            return count;
        }

        return SetBits.StoreIndices(bits, first, ref into);
    }

    // A byte of ones for each bit that is set.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Spread(ulong bits)
    {
        Vector512<byte> bytes = Avx512BW.Shuffle(Vector512.Create(bits).AsByte(), Vector512.Create(
            0x0000000000000000UL, 0x0101010101010101UL, 0x0202020202020202UL, 0x0303030303030303UL,
            0x0404040404040404UL, 0x0505050505050505UL, 0x0606060606060606UL, 0x0707070707070707UL).AsByte());
        Vector512<byte> bit = Vector512.Create(0x8040201008040201UL).AsByte();
        return Vector512.Equals(bytes & bit, bit);
    }

    // In place: a call would take the caller's loop out of registers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rest(Vector512<byte> indices, int first, ref int into)
    {
        Vector512<int> from = Vector512.Create(first);
        (Avx512F.ConvertToVector512Int32(indices.GetLower().GetLower()) + from).StoreUnsafe(ref into);
        (Avx512F.ConvertToVector512Int32(indices.GetLower().GetUpper()) + from).StoreUnsafe(ref into, 16);
        (Avx512F.ConvertToVector512Int32(indices.GetUpper().GetLower()) + from).StoreUnsafe(ref into, 32);
        (Avx512F.ConvertToVector512Int32(indices.GetUpper().GetUpper()) + from).StoreUnsafe(ref into, 48);
    }
}
