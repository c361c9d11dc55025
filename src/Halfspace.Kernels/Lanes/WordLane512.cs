using System.Runtime.CompilerServices;
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
        Vector512<ushort> pairs = Vector512.LoadUnsafe(ref first).AsUInt16();
        Vector512<ushort> mask = Vector512.Create((ushort)0x0F0F);
        low = new((pairs & mask).AsInt32());
        high = new(((pairs >> 4) & mask).AsInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(WordLane512 codes, WordLane512 query, ref WordLane512 narrow, ref WordLane512 wide)
    {
        Vector512<short> pairs = Avx512BW.MultiplyAddAdjacent(codes._words.AsByte(), query._words.AsSByte());
        narrow = new((narrow._words.AsInt16() + pairs).AsInt32());
    }

    public static WordLane512 Total(WordLane512 narrow, WordLane512 wide) =>
        new(wide._words + Avx512BW.MultiplyAddAdjacent(narrow._words.AsInt16(), Vector512<short>.One));

    public static WordLane512 ToFloat(WordLane512 words) => new(Vector512.ConvertToSingle(words._words));

    public static WordLane512 LoadFloats(ref float first, int index) => new(Vector512.LoadUnsafe(ref first, (nuint)index));

    public static void StoreFloats(WordLane512 floats, ref float first, int index) =>
        floats._words.AsSingle().StoreUnsafe(ref first, (nuint)index);

    public static WordLane512 MultiplyAddFloats(WordLane512 a, WordLane512 b, WordLane512 sum) =>
        new(Vector512.FusedMultiplyAdd(a._words.AsSingle(), b._words.AsSingle(), sum._words.AsSingle()));

    public static WordLane512 AddFloats(WordLane512 a, WordLane512 b) => new(a._words.AsSingle() + b._words.AsSingle());

    public static WordLane512 SubtractFloats(WordLane512 a, WordLane512 b) => new(a._words.AsSingle() - b._words.AsSingle());

    public static uint AtLeast(WordLane512 a, WordLane512 b) =>
        (uint)Vector512.GreaterThanOrEqual(a._words.AsSingle(), b._words.AsSingle()).ExtractMostSignificantBits();
}
