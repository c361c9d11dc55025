using System.Runtime.InteropServices;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tests.Gguf;

public sealed class DequantizerTests
{
    public static TheoryData<GgufTensorType> Types => [.. Enum.GetValues<GgufTensorType>()];

    [Theory, MemberData(nameof(Types))]
    public void Every_type_is_its_definition_bit_for_bit(GgufTensorType type)
    {
        const int Blocks = 400;
        int block = Dequantizer.BlockSize(type), bytes = Dequantizer.BlockBytes(type);
        Random random = new((int)type);
        byte[] data = ReferenceBlocks.Random(random, type, Blocks);
        float[] values = new float[Blocks * block];
        Dequantizer.Dequantize(type, data, values);
        for (int i = 0; i < values.Length; i++)
        {
            float expected = ReferenceBlocks.Element(type, data.AsSpan(i / block * bytes, bytes), i % block);
            Assert.True(Bits(expected) == Bits(values[i]) || (float.IsNaN(expected) && float.IsNaN(values[i])),
                $"{type}[{i}]: {expected:r} {values[i]:r}");
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Infinite_and_undefined_scales_stay_so(GgufTensorType type)
    {
        int block = Dequantizer.BlockSize(type), bytes = Dequantizer.BlockBytes(type);
        byte[] data = new byte[64 * bytes];
        new Random(5).NextBytes(data);
        for (int i = 0; i < data.Length - 1; i += 2) if (i % 6 == 0) (data[i], data[i + 1]) = (0,
            0x7C); // infinity in every place a half can have
        float[] values = new float[64 * block];
        Dequantizer.Dequantize(type, data, values);
        for (int i = 0; i < values.Length; i++)
        {
            float expected = ReferenceBlocks.Element(type, data.AsSpan(i / block * bytes, bytes), i % block);
            Assert.True(Bits(expected) == Bits(values[i]) || (float.IsNaN(expected) && float.IsNaN(values[i])),
                $"{type}[{i}]: {expected:r} {values[i]:r}");
        }
    }

    [Theory]
    [InlineData(GgufTensorType.F16)]
    [InlineData(GgufTensorType.BF16)]
    public void All_numbers_of_16_bits_are_exact(GgufTensorType type)
    {
        ushort[] numbers = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        float[] values = new float[numbers.Length];
        Dequantizer.Dequantize(type, MemoryMarshal.AsBytes<ushort>(numbers), values);
        for (int i = 0; i < numbers.Length; i++)
        {
            float expected = ReferenceBlocks.Element(type, BitConverter.GetBytes(numbers[i]), 0);
            Assert.True(Bits(expected) == Bits(values[i]) || (float.IsNaN(expected) && float.IsNaN(values[i])), $"{i:x4}");
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Sizes_that_do_not_fit_are_refused(GgufTensorType type)
    {
        int block = Dequantizer.BlockSize(type), bytes = Dequantizer.BlockBytes(type);
        Assert.Throws<ArgumentException>(() => Dequantizer.Dequantize(type, new byte[2 * bytes], new float[(2 * block) + 1]));
        Assert.Throws<ArgumentException>(() => Dequantizer.Dequantize(type, new byte[2 * bytes], new float[(2 * block) - 1]));
        Assert.Throws<ArgumentException>(() => Dequantizer.Dequantize(type, new byte[2 * bytes - 1], new float[2 * block]));
        Dequantizer.Dequantize(type, [], []);
    }

    [Fact]
    public void An_unknown_type_is_refused()
    {
        Assert.False(Dequantizer.IsSupported((GgufTensorType)4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Dequantizer.BlockSize((GgufTensorType)4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Dequantizer.BlockBytes((GgufTensorType)40));
        Assert.Throws<ArgumentOutOfRangeException>(() => Dequantizer.Dequantize((GgufTensorType)9, [], []));
    }

    [Theory, MemberData(nameof(Types))]
    public void Nothing_is_allocated(GgufTensorType type)
    {
        byte[] data = new byte[4 * Dequantizer.BlockBytes(type)];
        float[] values = new float[4 * Dequantizer.BlockSize(type)];
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 100; i++) Dequantizer.Dequantize(type, data, values);
        }));
    }

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
