using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>8 words in a 256-bit register; <typeparamref name="TProducts"/> multiplies bytes.</summary>
internal readonly struct WordLane256<TProducts> : IWordLane<Vector256<int>> where TProducts : struct, IByteProducts
{
    public static int Width => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Broadcast(int word) => Vector256.Create(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadBytes(ref byte first) => Vector256.LoadUnsafe(ref first).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Low(Vector256<int> bytes) => bytes & Vector256.Create(0x0F0F0F0F);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> High(Vector256<int> bytes) => (bytes >>> 4) & Vector256.Create(0x0F0F0F0F);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Accumulate(
        Vector256<int> low, Vector256<int> lowQuery, Vector256<int> high, Vector256<int> highQuery, Vector256<int> partial) =>
        TProducts.Accumulate(high, highQuery, TProducts.Accumulate(low, lowQuery, partial));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddPartial(Vector256<int> total, Vector256<int> partial) => TProducts.AddPartial(total, partial);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ToFloat(Vector256<int> words) => Vector256.ConvertToSingle(words).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(ref int first, int index) => Vector256.LoadUnsafe(ref first, (nuint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> words, ref int first, int index) => words.StoreUnsafe(ref first, (nuint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadFloats(ref float first, int index) => Vector256.LoadUnsafe(ref first, (nuint)index).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadHalves(ref Half first, int index) =>
        Unsafe.BitCast<Lane256, Vector256<int>>(Lane256.LoadHalf(ref first, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadCounts(ref byte first)
    {
        Vector128<ushort> halves = Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref first)).AsByte());
        return Vector256.ConvertToSingle(Vector256.WidenLower(halves.ToVector256Unsafe()).AsInt32()).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFloats(Vector256<int> floats, ref float first, int index) =>
        floats.AsSingle().StoreUnsafe(ref first, (nuint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyFloats(Vector256<int> a, Vector256<int> b) => (a.AsSingle() * b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAddFloats(Vector256<int> a, Vector256<int> b, Vector256<int> sum) =>
        Vector256.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), sum.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddFloats(Vector256<int> a, Vector256<int> b) => (a.AsSingle() + b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> SubtractFloats(Vector256<int> a, Vector256<int> b) => (a.AsSingle() - b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AtLeast(Vector256<int> a, Vector256<int> b) =>
        Vector256.GreaterThanOrEqual(a.AsSingle(), b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StoreIndices(Vector256<int> mask, int first, ref int into)
    {
        uint bits = mask.ExtractMostSignificantBits();
        Vector256<int> positions = Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(SetBits.Positions), 8 * (nuint)bits);
        (positions + Vector256.Create(first)).StoreUnsafe(ref into);
        return BitOperations.PopCount(bits);
    }
}

/// <summary>The positions of the set bits of each byte, ascending: AVX2 has no instruction that compacts.</summary>
internal static class SetBits
{
    public static readonly int[] Positions = Fill();

    private static int[] Fill()
    {
        int[] positions = new int[256 * 8];
        for (int bits = 0; bits < 256; bits++)
            for (int rest = bits, i = 0; rest != 0; rest &= rest - 1, i++) positions[(bits * 8) + i] = BitOperations.TrailingZeroCount(rest);
        return positions;
    }
}

/// <summary>How 256-bit registers multiply unsigned by signed bytes.</summary>
internal interface IByteProducts
{
    /// <summary>partial + Σ codes·query over each word's bytes.</summary>
    static abstract Vector256<int> Accumulate(Vector256<int> codes, Vector256<int> query, Vector256<int> partial);

    /// <summary>See <see cref="IWordLane{T}.AddPartial"/>.</summary>
    static abstract Vector256<int> AddPartial(Vector256<int> total, Vector256<int> partial);
}

/// <summary>Pairs of products in int16: AVX2.</summary>
internal readonly struct PairProducts : IByteProducts
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Accumulate(Vector256<int> codes, Vector256<int> query, Vector256<int> partial) =>
        (partial.AsInt16() + Avx2.MultiplyAddAdjacent(codes.AsByte(), query.AsSByte())).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddPartial(Vector256<int> total, Vector256<int> partial) =>
        total + Avx2.MultiplyAddAdjacent(partial.AsInt16(), Vector256<short>.One);
}

/// <summary>Four products in int32: AVX-VNNI.</summary>
internal readonly struct VnniProducts : IByteProducts
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Accumulate(Vector256<int> codes, Vector256<int> query, Vector256<int> partial) =>
        AvxVnni.MultiplyWideningAndAdd(partial, codes.AsByte(), query.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddPartial(Vector256<int> total, Vector256<int> partial) => total + partial;
}
