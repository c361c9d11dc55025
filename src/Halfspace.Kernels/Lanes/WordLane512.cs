using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>16 words in a 512-bit register; byte products by AVX-512BW.</summary>
internal readonly struct WordLane512 : IWordLane<WordLane512>
{
    private readonly Vector512<int> _words;

    private WordLane512(Vector512<int> words) => _words = words;

    private WordLane512(Vector512<float> floats) => _words = floats.AsInt32();

    public static int Width => 16;

    public static WordLane512 Zero => default;

    public static WordLane512 Broadcast(int word) => new(Vector512.Create(word));

    public static void LoadNibbles(ref byte first, out WordLane512 low, out WordLane512 high)
    {
        Vector512<byte> pairs = Vector512.LoadUnsafe(ref first);
        Vector512<byte> mask = Vector512.Create((byte)0x0F);
        low = new((pairs & mask).AsInt32());

        // A byte shifted right by four as a product of bit matrices is one instruction; there is no byte shift.
        high = new(Gfni.V512.IsSupported
            ? Gfni.V512.GaloisFieldAffineTransform(pairs, Vector512.Create(0x1020408000000000UL).AsByte(), 0).AsInt32()
            : ((pairs.AsUInt16() >> 4).AsByte() & mask).AsInt32());
    }

    public static WordLane512 Accumulate(WordLane512 codes, WordLane512 query, WordLane512 partial) =>
        new((partial._words.AsInt16() + Avx512BW.MultiplyAddAdjacent(codes._words.AsByte(), query._words.AsSByte())).AsInt32());

    public static WordLane512 AddPartial(WordLane512 total, WordLane512 partial) =>
        new(total._words + Avx512BW.MultiplyAddAdjacent(partial._words.AsInt16(), Vector512<short>.One));

    public static WordLane512 ToFloat(WordLane512 words) => new(Vector512.ConvertToSingle(words._words));

    public static WordLane512 LoadFloats(ref float first, int index) => new(Vector512.LoadUnsafe(ref first, (nuint)index));

    public static void StoreFloats(WordLane512 floats, ref float first, int index) =>
        floats._words.AsSingle().StoreUnsafe(ref first, (nuint)index);

    public static WordLane512 MultiplyAddFloats(WordLane512 a, WordLane512 b, WordLane512 sum) =>
        new(Vector512.FusedMultiplyAdd(a._words.AsSingle(), b._words.AsSingle(), sum._words.AsSingle()));

    public static WordLane512 AddFloats(WordLane512 a, WordLane512 b) => new(a._words.AsSingle() + b._words.AsSingle());

    public static WordLane512 SubtractFloats(WordLane512 a, WordLane512 b) => new(a._words.AsSingle() - b._words.AsSingle());

    public static WordLane512 AtLeast(WordLane512 a, WordLane512 b) =>
        new(Vector512.GreaterThanOrEqual(a._words.AsSingle(), b._words.AsSingle()).AsInt32());

    public static int StoreIndices(WordLane512 mask, int first, ref int into)
    {
        // To a register, then stored whole: compression to memory is microcoded on some CPUs.
        Vector512<int> indices = Vector512<int>.Indices + Vector512.Create(first);
        Avx512F.Compress(Vector512<int>.Zero, mask._words, indices).StoreUnsafe(ref into);
        return BitOperations.PopCount(mask._words.ExtractMostSignificantBits());
    }
}
