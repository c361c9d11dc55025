using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>8 words in a 256-bit register; <typeparamref name="TProducts"/> multiplies bytes.</summary>
internal readonly struct WordLane256<TProducts> : IWordLane<WordLane256<TProducts>> where TProducts : struct, IByteProducts
{
    private readonly Vector256<int> _words;

    private WordLane256(Vector256<int> words) => _words = words;

    private WordLane256(Vector256<float> floats) => _words = floats.AsInt32();

    public static int Width => 8;

    public static WordLane256<TProducts> Zero => default;

    public static WordLane256<TProducts> Broadcast(int word) => new(Vector256.Create(word));

    public static void LoadNibbles(ref byte first, out WordLane256<TProducts> low, out WordLane256<TProducts> high)
    {
        Vector256<ushort> pairs = Vector256.LoadUnsafe(ref first).AsUInt16();
        Vector256<ushort> mask = Vector256.Create((ushort)0x0F0F);
        low = new((pairs & mask).AsInt32());
        high = new(((pairs >> 4) & mask).AsInt32());
    }

    public static WordLane256<TProducts> Accumulate(
        WordLane256<TProducts> codes, WordLane256<TProducts> query, WordLane256<TProducts> partial) =>
        new(TProducts.Accumulate(codes._words, query._words, partial._words));

    public static WordLane256<TProducts> AddPartial(WordLane256<TProducts> total, WordLane256<TProducts> partial) =>
        new(TProducts.AddPartial(total._words, partial._words));

    public static WordLane256<TProducts> ToFloat(WordLane256<TProducts> words) => new(Vector256.ConvertToSingle(words._words));

    public static WordLane256<TProducts> LoadFloats(ref float first, int index) => new(Vector256.LoadUnsafe(ref first, (nuint)index));

    public static void StoreFloats(WordLane256<TProducts> floats, ref float first, int index) =>
        floats._words.AsSingle().StoreUnsafe(ref first, (nuint)index);

    public static WordLane256<TProducts> MultiplyAddFloats(WordLane256<TProducts> a, WordLane256<TProducts> b, WordLane256<TProducts> sum) =>
        new(Vector256.FusedMultiplyAdd(a._words.AsSingle(), b._words.AsSingle(), sum._words.AsSingle()));

    public static WordLane256<TProducts> AddFloats(WordLane256<TProducts> a, WordLane256<TProducts> b) =>
        new(a._words.AsSingle() + b._words.AsSingle());

    public static WordLane256<TProducts> SubtractFloats(WordLane256<TProducts> a, WordLane256<TProducts> b) =>
        new(a._words.AsSingle() - b._words.AsSingle());

    public static WordLane256<TProducts> AtLeast(WordLane256<TProducts> a, WordLane256<TProducts> b) =>
        new(Vector256.GreaterThanOrEqual(a._words.AsSingle(), b._words.AsSingle()).AsInt32());

    public static int StoreIndices(WordLane256<TProducts> mask, int first, ref int into)
    {
        uint bits = mask._words.ExtractMostSignificantBits();
        (Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(SetBits.Positions), 8 * (nuint)bits) + Vector256.Create(first)).StoreUnsafe(ref into);
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
    /// <summary>See <see cref="IWordLane{T}.Accumulate"/>.</summary>
    static abstract Vector256<int> Accumulate(Vector256<int> codes, Vector256<int> query, Vector256<int> partial);

    /// <summary>See <see cref="IWordLane{T}.AddPartial"/>.</summary>
    static abstract Vector256<int> AddPartial(Vector256<int> total, Vector256<int> partial);
}

/// <summary>Pairs of products in int16: AVX2.</summary>
internal readonly struct PairProducts : IByteProducts
{
    public static Vector256<int> Accumulate(Vector256<int> codes, Vector256<int> query, Vector256<int> partial) =>
        (partial.AsInt16() + Avx2.MultiplyAddAdjacent(codes.AsByte(), query.AsSByte())).AsInt32();

    public static Vector256<int> AddPartial(Vector256<int> total, Vector256<int> partial) =>
        total + Avx2.MultiplyAddAdjacent(partial.AsInt16(), Vector256<short>.One);
}

/// <summary>Four products in int32: AVX-VNNI.</summary>
internal readonly struct VnniProducts : IByteProducts
{
    public static Vector256<int> Accumulate(Vector256<int> codes, Vector256<int> query, Vector256<int> partial) =>
        AvxVnni.MultiplyWideningAndAdd(partial, codes.AsByte(), query.AsSByte());

    public static Vector256<int> AddPartial(Vector256<int> total, Vector256<int> partial) => total + partial;
}
