using System.Numerics;
using System.Runtime.CompilerServices;

namespace Halfspace.Kernels.Lanes;

/// <summary>One word: the reference tier.</summary>
internal readonly struct WordLaneScalar : IWordLane<int>
{
    public static int Width => 1;

    public static int Broadcast(int word) => word;

    public static int LoadBytes(ref byte first) => Unsafe.ReadUnaligned<int>(ref first);

    public static int Low(int bytes) => bytes & 0x0F0F0F0F;

    public static int High(int bytes) => (bytes >>> 4) & 0x0F0F0F0F;

    public static int Accumulate(int low, int lowQuery, int high, int highQuery, int partial)
    {
        for (int i = 0; i < 32; i += 8)
        {
            partial += (byte)(low >> i) * (sbyte)(lowQuery >> i);
            partial += (byte)(high >> i) * (sbyte)(highQuery >> i);
        }
        return partial;
    }

    public static int Start(int low, int high) => low + high;

    public static int Total(int partial) => partial;

    public static int AddPartial(int total, int partial) => total + partial;

    public static int ToFloat(int words) => Bits(words);

    public static int LoadFloats(ref float first, int index) => Bits(Unsafe.Add(ref first, index));

    public static int LoadHalves(ref Half first, int index) => Bits((float)Unsafe.Add(ref first, index));

    public static void StoreFloats(int floats, ref float first, int index) => Unsafe.Add(ref first, index) = Float(floats);

    public static int LoadUpper(ref ushort first, int index) => Unsafe.Add(ref first, index) << 16;

    public static int LoadCounts(ref byte first) => Bits(first);

    public static int MultiplyFloats(int a, int b) => Bits(Float(a) * Float(b));

    public static int MultiplyAddFloats(int a, int b, int sum) => Bits(MathF.FusedMultiplyAdd(Float(a), Float(b), Float(sum)));

    public static int SubtractProductFloats(int a, int b, int c) => Bits(MathF.FusedMultiplyAdd(-Float(b), Float(c), Float(a)));

    public static int DivideFloats(int a, int b) => Bits(Float(a) / Float(b));

    public static int AtLeast(int a, int b) => Float(a) >= Float(b) ? -1 : 0;

    public static uint Marks(int mask) => (uint)mask >> 31;

    public static int StoreIndices(ulong bits, int first, ref int into)
    {
        int count = 0;
        for (; bits != 0; bits &= bits - 1) Unsafe.Add(ref into, count++) = first + BitOperations.TrailingZeroCount(bits);
        return count;
    }

    private static float Float(int word) => BitConverter.Int32BitsToSingle(word);

    private static int Bits(float value) => BitConverter.SingleToInt32Bits(value);
}
