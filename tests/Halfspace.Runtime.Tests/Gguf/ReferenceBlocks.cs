using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tests.Gguf;

/// <summary>The block formats once more, one element at a time as their definitions read; the oracle of the fast code.</summary>
internal static class ReferenceBlocks
{
    /// <summary>Element <paramref name="i"/> of a block.</summary>
    public static float Element(GgufTensorType type, ReadOnlySpan<byte> block, int i)
    {
        switch (type)
        {
            case GgufTensorType.F32:
                return BitConverter.ToSingle(block);
            case GgufTensorType.F16:
                return Half(block, 0);
            case GgufTensorType.BF16:
                return BitConverter.UInt32BitsToSingle((uint)(block[0] | block[1] << 8) << 16);
            case GgufTensorType.Q4_0:
                return (Nibble(block[2..], i) - 8) * Half(block, 0);
            case GgufTensorType.Q4_1:
                return Nibble(block[4..], i) * Half(block, 0) + Half(block, 2);
            case GgufTensorType.Q5_0:
                return ((Nibble(block[6..], i) | Bit(block[2..], i) << 4) - 16) * Half(block, 0);
            case GgufTensorType.Q5_1:
                return (Nibble(block[8..], i) | Bit(block[4..], i) << 4) * Half(block, 0) + Half(block, 2);
            case GgufTensorType.Q8_0:
                return (sbyte)block[2 + i] * Half(block, 0);
            case GgufTensorType.Q4_K:
                (float scale, float minimum) = Pair(block, i / 32);
                return scale * SuperNibble(block[16..], i) - minimum;
            case GgufTensorType.Q5_K:
                (scale, minimum) = Pair(block, i / 32);
                return scale * (SuperNibble(block[48..], i) + (block[16 + i % 32] >> (i / 32) & 1) * 16) - minimum;
            case GgufTensorType.Q6_K:
                // Elements 0–31, 32–63, 64–95, 96–127 of a half: low nibbles of bytes 0–31, of 32–63, high nibbles of 0–31, of 32–63.
                int half = i / 128, quarter = i % 128 / 32, l = i % 32;
                int lower = block[half * 64 + quarter % 2 * 32 + l] >> (quarter / 2 * 4) & 15;
                int upper = block[128 + half * 32 + l] >> (quarter * 2) & 3;
                return Half(block, 208) * (sbyte)block[192 + i / 16] * ((lower | upper << 4) - 32);
            default:
                throw new ArgumentOutOfRangeException(nameof(type));
        }
    }

    /// <summary>
    /// Blocks of random bytes whose scales and minima are random finite halves of either sign, subnormal ones and zeros among them.
    /// </summary>
    public static byte[] Random(Random random, GgufTensorType type, int blocks)
    {
        byte[] data = new byte[blocks * Dequantizer.BlockBytes(type)];
        random.NextBytes(data);
        for (int b = 0; b < blocks; b++)
        {
            foreach (int offset in HalfOffsets(type))
            {
                Half value = random.Next(4) switch
                {
                    0 => BitConverter.UInt16BitsToHalf((ushort)(random.Next(1024) | random.Next(2) << 15)), // subnormal or zero
                    1 => (Half)(random.NextSingle() * 0.02f),
                    _ => BitConverter.UInt16BitsToHalf((ushort)(random.Next(0x7C00) | random.Next(2) << 15)),
                };
                BitConverter.TryWriteBytes(data.AsSpan(b * Dequantizer.BlockBytes(type) + offset), value);
            }
        }

        return data;
    }

    /// <summary>Blocks as a converter makes them: scales of about 0.01, minima of about minus half the range.</summary>
    public static byte[] LikeWeights(Random random, GgufTensorType type, int blocks)
    {
        byte[] data = Random(random, type, blocks);
        for (int b = 0; b < blocks; b++)
        {
            int count = 0;
            foreach (int offset in HalfOffsets(type))
            {
                float value = (0.01f + 0.01f * random.NextSingle()) * (count++ == 0 ? 1 : type is GgufTensorType.Q4_1 or GgufTensorType.Q5_1
                    ? -8 : 1);
                BitConverter.TryWriteBytes(data.AsSpan(b * Dequantizer.BlockBytes(type) + offset), (Half)value);
            }
        }

        return data;
    }

    private static int[] HalfOffsets(GgufTensorType type) => type switch
    {
        GgufTensorType.F16 or GgufTensorType.Q4_0 or GgufTensorType.Q5_0 or GgufTensorType.Q8_0 => [0],
        GgufTensorType.Q4_1 or GgufTensorType.Q5_1 or GgufTensorType.Q4_K or GgufTensorType.Q5_K => [0, 2],
        GgufTensorType.Q6_K => [208],
        _ => [],
    };

    private static float Half(ReadOnlySpan<byte> block, int offset) => (float)BitConverter.ToHalf(block[offset..]);

    private static int Nibble(ReadOnlySpan<byte> bytes, int i) => i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4;

    private static int SuperNibble(ReadOnlySpan<byte> bytes, int i) => bytes[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15;

    private static int Bit(ReadOnlySpan<byte> bytes, int i) => bytes[i / 8] >> (i % 8) & 1;

    private static (float Scale, float Minimum) Pair(ReadOnlySpan<byte> block, int part)
    {
        ReadOnlySpan<byte> packed = block.Slice(4, 12);
        int scale = part < 4 ? packed[part] & 63 : packed[part + 4] & 15 | packed[part - 4] >> 6 << 4;
        int minimum = part < 4 ? packed[part + 4] & 63 : packed[part + 4] >> 4 | packed[part] >> 6 << 4;
        return (Half(block, 0) * scale, Half(block, 2) * minimum);
    }
}
