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
        TProducts.Accumulate(low, lowQuery, high, highQuery, partial);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Start(int low, int high) => Vector256.Create(TProducts.Start(low, high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Total(Vector256<int> partial) => TProducts.Total(partial);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddPartial(Vector256<int> total, Vector256<int> partial) => total + TProducts.Total(partial);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ToFloat(Vector256<int> words) => Vector256.ConvertToSingle(words).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadFloats(ref float first, int index) => Vector256.LoadUnsafe(ref first, (nuint)index).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadHalves(ref Half first, int index) =>
        Unsafe.BitCast<Lane256, Vector256<int>>(Lane256.LoadHalf(ref first, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadUpper(ref ushort first, int index) =>
        Avx2.ConvertToVector256Int32(Vector128.LoadUnsafe(ref first, (nuint)index)) << 16;

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
    public static Vector256<int> SubtractProductFloats(Vector256<int> a, Vector256<int> b, Vector256<int> c) =>
        Fma.MultiplyAddNegated(b.AsSingle(), c.AsSingle(), a.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> DivideFloats(Vector256<int> a, Vector256<int> b) => (a.AsSingle() / b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AtLeast(Vector256<int> a, Vector256<int> b) =>
        Vector256.GreaterThanOrEqual(a.AsSingle(), b.AsSingle()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Marks(Vector256<int> mask) => mask.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StoreIndices(ulong bits, int first, ref int into) => SetBits.StoreIndices(bits, first, ref into);
}

/// <summary>The positions of the set bits of each byte, ascending: AVX2 has no instruction that compacts.</summary>
internal static class SetBits
{
    public static readonly int[] Positions = Fill();

    /// <summary>See <see cref="IWordLane{T}.StoreIndices"/>.</summary>
    public static int StoreIndices(ulong bits, int first, ref int into)
    {
        int count = BitOperations.PopCount(bits);
        if (count > 8) return Many(bits, first, ref into);

        // Four always, so that how many there are is not to be guessed by the branch predictor.
        into = first + BitOperations.TrailingZeroCount(bits);
        bits &= bits - 1;
        Unsafe.Add(ref into, 1) = first + BitOperations.TrailingZeroCount(bits);
        bits &= bits - 1;
        Unsafe.Add(ref into, 2) = first + BitOperations.TrailingZeroCount(bits);
        bits &= bits - 1;
        Unsafe.Add(ref into, 3) = first + BitOperations.TrailingZeroCount(bits);
        bits &= bits - 1;
        for (int i = 4; bits != 0; bits &= bits - 1) Unsafe.Add(ref into, i++) = first + BitOperations.TrailingZeroCount(bits);
        return count;
    }

    // A byte's at once.
    private static int Many(ulong bits, int first, ref int into)
    {
        int count = 0;
        for (; bits != 0; bits >>= 8, first += 8)
        {
            Vector256<int> positions = Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(Positions), 8 * (nuint)(byte)bits);
            (positions + Vector256.Create(first)).StoreUnsafe(ref into, (nuint)count);
            count += BitOperations.PopCount((uint)(byte)bits);
        }

        return count;
    }

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
    /// <summary>See <see cref="IWordLane{T}.Accumulate"/>.</summary>
    static abstract Vector256<int> Accumulate(
        Vector256<int> low, Vector256<int> lowQuery, Vector256<int> high, Vector256<int> highQuery, Vector256<int> partial);

    /// <summary>See <see cref="IWordLane{T}.Start"/>; a word.</summary>
    static abstract int Start(int low, int high);

    /// <summary>See <see cref="IWordLane{T}.Total"/>.</summary>
    static abstract Vector256<int> Total(Vector256<int> partial);
}

/// <summary>Pairs of products in int16: AVX2.</summary>
internal readonly struct PairProducts : IByteProducts
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Accumulate(
        Vector256<int> low, Vector256<int> lowQuery, Vector256<int> high, Vector256<int> highQuery, Vector256<int> partial) =>
        (partial.AsInt16() + (Avx2.MultiplyAddAdjacent(low.AsByte(), lowQuery.AsSByte())
            + Avx2.MultiplyAddAdjacent(high.AsByte(), highQuery.AsSByte()))).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(int low, int high) => (low & 0xFFFF) | (high << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Total(Vector256<int> partial) => Avx2.MultiplyAddAdjacent(partial.AsInt16(), Vector256<short>.One);
}

/// <summary>Four products in int32: AVX-VNNI.</summary>
internal readonly struct VnniProducts : IByteProducts
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Accumulate(
        Vector256<int> low, Vector256<int> lowQuery, Vector256<int> high, Vector256<int> highQuery, Vector256<int> partial) =>
        AvxVnni.MultiplyWideningAndAdd(
            AvxVnni.MultiplyWideningAndAdd(partial, low.AsByte(), lowQuery.AsSByte()), high.AsByte(), highQuery.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(int low, int high) => low + high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Total(Vector256<int> partial) => partial;
}
