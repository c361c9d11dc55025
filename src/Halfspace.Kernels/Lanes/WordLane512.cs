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
        (partial.AsInt16() + Avx512BW.MultiplyAddAdjacent(low.AsByte(), lowQuery.AsSByte())
            + Avx512BW.MultiplyAddAdjacent(high.AsByte(), highQuery.AsSByte())).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> AddPartial(Vector512<int> total, Vector512<int> partial) =>
        total + Avx512BW.MultiplyAddAdjacent(partial.AsInt16(), Vector512<short>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> ToFloat(Vector512<int> words) => Vector512.ConvertToSingle(words).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load(ref int first, int index) => Vector512.LoadUnsafe(ref first, (nuint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> words, ref int first, int index) => words.StoreUnsafe(ref first, (nuint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadFloats(ref float first, int index) => Vector512.LoadUnsafe(ref first, (nuint)index).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadHalves(ref Half first, int index) =>
        Unsafe.BitCast<Lane512, Vector512<int>>(Lane512.LoadHalf(ref first, index));

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
    public static Vector512<int> AddFloats(Vector512<int> a, Vector512<int> b) => (a.AsSingle() + b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> SubtractFloats(Vector512<int> a, Vector512<int> b) => (a.AsSingle() - b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> AtLeast(Vector512<int> a, Vector512<int> b) =>
        Vector512.GreaterThanOrEqual(a.AsSingle(), b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StoreIndices(Vector512<int> mask, int first, ref int into)
    {
        // To a register, then stored whole: compression to memory is microcoded on some CPUs.
        Vector512<int> indices = Vector512<int>.Indices + Vector512.Create(first);
        Avx512F.Compress(Vector512<int>.Zero, mask, indices).StoreUnsafe(ref into);
        return BitOperations.PopCount(mask.ExtractMostSignificantBits());
    }
}
