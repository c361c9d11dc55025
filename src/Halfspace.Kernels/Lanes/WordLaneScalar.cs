using System.Runtime.CompilerServices;

namespace Halfspace.Kernels.Lanes;

/// <summary>One word: the reference tier.</summary>
internal readonly struct WordLaneScalar : IWordLane<WordLaneScalar>
{
    private readonly int _word;

    private WordLaneScalar(int word) => _word = word;

    private WordLaneScalar(float value) => _word = BitConverter.SingleToInt32Bits(value);

    public static int Width => 1;

    public static WordLaneScalar Zero => default;

    private float Float => BitConverter.Int32BitsToSingle(_word);

    public static WordLaneScalar Broadcast(int word) => new(word);

    public static void LoadNibbles(ref byte first, out WordLaneScalar low, out WordLaneScalar high)
    {
        int word = Unsafe.ReadUnaligned<int>(ref first);
        low = new(word & 0x0F0F0F0F);
        high = new((word >> 4) & 0x0F0F0F0F);
    }

    public static WordLaneScalar Accumulate(WordLaneScalar codes, WordLaneScalar query, WordLaneScalar partial)
    {
        int sum = partial._word;
        for (int i = 0; i < 32; i += 8) sum += (byte)(codes._word >> i) * (sbyte)(query._word >> i);
        return new(sum);
    }

    public static WordLaneScalar AddPartial(WordLaneScalar total, WordLaneScalar partial) => new(total._word + partial._word);

    public static WordLaneScalar ToFloat(WordLaneScalar words) => new((float)words._word);

    public static WordLaneScalar LoadFloats(ref float first, int index) => new(Unsafe.Add(ref first, index));

    public static void StoreFloats(WordLaneScalar floats, ref float first, int index) => Unsafe.Add(ref first, index) = floats.Float;

    public static WordLaneScalar MultiplyAddFloats(WordLaneScalar a, WordLaneScalar b, WordLaneScalar sum) =>
        new(MathF.FusedMultiplyAdd(a.Float, b.Float, sum.Float));

    public static WordLaneScalar AddFloats(WordLaneScalar a, WordLaneScalar b) => new(a.Float + b.Float);

    public static WordLaneScalar SubtractFloats(WordLaneScalar a, WordLaneScalar b) => new(a.Float - b.Float);

    public static WordLaneScalar AtLeast(WordLaneScalar a, WordLaneScalar b) => new(a.Float >= b.Float ? -1 : 0);

    public static int StoreIndices(WordLaneScalar mask, int first, ref int into)
    {
        into = first;
        return -mask._word;
    }
}
