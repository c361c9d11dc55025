using System.Runtime.CompilerServices;
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(
        WordLane256<TProducts> codes, WordLane256<TProducts> query, ref WordLane256<TProducts> narrow, ref WordLane256<TProducts> wide)
    {
        if (TProducts.Widens) wide = new(TProducts.Add(codes._words, query._words, wide._words));
        else narrow = new(TProducts.Add(codes._words, query._words, narrow._words));
    }

    public static WordLane256<TProducts> Total(WordLane256<TProducts> narrow, WordLane256<TProducts> wide) =>
        TProducts.Widens ? wide : new(wide._words + Avx2.MultiplyAddAdjacent(narrow._words.AsInt16(), Vector256<short>.One));

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

    public static uint AtLeast(WordLane256<TProducts> a, WordLane256<TProducts> b) =>
        Vector256.GreaterThanOrEqual(a._words.AsSingle(), b._words.AsSingle()).ExtractMostSignificantBits();
}

/// <summary>How 256-bit registers multiply unsigned by signed bytes.</summary>
internal interface IByteProducts
{
    /// <summary>True where sums are int32, false where they are int16.</summary>
    static abstract bool Widens { get; }

    /// <summary>sums + products, in the width that <see cref="Widens"/> says.</summary>
    static abstract Vector256<int> Add(Vector256<int> codes, Vector256<int> query, Vector256<int> sums);
}

/// <summary>Pairs of products in int16: AVX2.</summary>
internal readonly struct PairProducts : IByteProducts
{
    public static bool Widens => false;

    public static Vector256<int> Add(Vector256<int> codes, Vector256<int> query, Vector256<int> sums) =>
        (sums.AsInt16() + Avx2.MultiplyAddAdjacent(codes.AsByte(), query.AsSByte())).AsInt32();
}

/// <summary>Four products in int32: AVX-VNNI.</summary>
internal readonly struct VnniProducts : IByteProducts
{
    public static bool Widens => true;

    public static Vector256<int> Add(Vector256<int> codes, Vector256<int> query, Vector256<int> sums) =>
        AvxVnni.MultiplyWideningAndAdd(sums, codes.AsByte(), query.AsSByte());
}
