using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Halfspace.Runtime.Gguf;

/// <summary>
/// How one quantised type stores a block: w = scale · (q − Zero), + minimum where the type has one, scale and minimum for each Part.
/// scale · (q − Zero) has at most 23 significant bits in every type, so it is exact in float and the order of its factors does not matter;
/// the minimum is added with one rounding.
/// </summary>
/// <remarks>Formats: ggml's block definitions.</remarks>
internal interface IBlockFormat
{
    /// <summary>Elements in a block.</summary>
    static abstract int Elements { get; }

    /// <summary>Bytes of a block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Bits of q.</summary>
    static abstract int Bits { get; }

    /// <summary>Elements that share a scale.</summary>
    static abstract int Part { get; }

    /// <summary>What is taken from q before scaling; 0 where there is a minimum.</summary>
    static abstract int Zero { get; }

    /// <summary>Whether a part has a minimum.</summary>
    static abstract bool HasMinimum { get; }

    /// <summary>Unpacks one block.</summary>
    /// <param name="block">Its first byte. [Bytes]</param>
    /// <param name="quants">q, in the order of elements. [Elements]</param>
    /// <param name="scales">[Elements / Part]</param>
    /// <param name="minima">[Elements / Part]; untouched without a minimum.</param>
    static abstract void Unpack(ref byte block, ref byte quants, ref float scales, ref float minima);
}

/// <summary>d, 16 bytes of nibbles.</summary>
internal readonly struct BlockQ4Zero : IBlockFormat
{
    public static int Elements => 32;
    public static int Bytes => 18;
    public static int Bits => 4;
    public static int Part => 32;
    public static int Zero => 8;
    public static bool HasMinimum => false;

    public static void Unpack(ref byte block, ref byte quants, ref float scales, ref float minima)
    {
        scales = BlockBits.Half(ref block, 0);
        BlockBits.Nibbles(ref block, 2, ref quants, 0, 16);
    }
}

/// <summary>d, m, 16 bytes of nibbles.</summary>
internal readonly struct BlockQ4One : IBlockFormat
{
    public static int Elements => 32;
    public static int Bytes => 20;
    public static int Bits => 4;
    public static int Part => 32;
    public static int Zero => 0;
    public static bool HasMinimum => true;

    public static void Unpack(ref byte block, ref byte quants, ref float scales, ref float minima)
    {
        scales = BlockBits.Half(ref block, 0);
        minima = BlockBits.Half(ref block, 2);
        BlockBits.Nibbles(ref block, 4, ref quants, 0, 16);
    }
}

/// <summary>d, 32 fifth bits, 16 bytes of nibbles.</summary>
internal readonly struct BlockQ5Zero : IBlockFormat
{
    public static int Elements => 32;
    public static int Bytes => 22;
    public static int Bits => 5;
    public static int Part => 32;
    public static int Zero => 16;
    public static bool HasMinimum => false;

    public static void Unpack(ref byte block, ref byte quants, ref float scales, ref float minima)
    {
        scales = BlockBits.Half(ref block, 0);
        BlockBits.Nibbles(ref block, 6, ref quants, 0, 16);
        BlockBits.AddFifthBits(ref block, 2, ref quants);
    }
}

/// <summary>d, m, 32 fifth bits, 16 bytes of nibbles.</summary>
internal readonly struct BlockQ5One : IBlockFormat
{
    public static int Elements => 32;
    public static int Bytes => 24;
    public static int Bits => 5;
    public static int Part => 32;
    public static int Zero => 0;
    public static bool HasMinimum => true;

    public static void Unpack(ref byte block, ref byte quants, ref float scales, ref float minima)
    {
        scales = BlockBits.Half(ref block, 0);
        minima = BlockBits.Half(ref block, 2);
        BlockBits.Nibbles(ref block, 8, ref quants, 0, 16);
        BlockBits.AddFifthBits(ref block, 4, ref quants);
    }
}

/// <summary>d, 32 signed bytes, which are unpacked with 128 added.</summary>
internal readonly struct BlockQ8Zero : IBlockFormat
{
    public static int Elements => 32;
    public static int Bytes => 34;
    public static int Bits => 8;
    public static int Part => 32;
    public static int Zero => 128;
    public static bool HasMinimum => false;

    public static void Unpack(ref byte block, ref byte quants, ref float scales, ref float minima)
    {
        scales = BlockBits.Half(ref block, 0);
        (Vector256.LoadUnsafe(ref block, 2) ^ Vector256.Create((byte)0x80)).StoreUnsafe(ref quants);
    }
}

/// <summary>
/// d, e, eight 6-bit pairs (s, m) in 12 bytes, 128 bytes of nibbles: in each 32 of these, the low ones are a part, the high ones the next.
/// </summary>
internal readonly struct BlockQ4K : IBlockFormat
{
    public static int Elements => 256;
    public static int Bytes => 144;
    public static int Bits => 4;
    public static int Part => 32;
    public static int Zero => 0;
    public static bool HasMinimum => true;

    public static void Unpack(ref byte block, ref byte quants, ref float scales, ref float minima)
    {
        BlockBits.SixBitPairs(ref block, ref scales, ref minima);
        for (int i = 0; i < 4; i++)
        {
            BlockBits.Nibbles(ref block, 16 + i * 32, ref quants, i * 64, 32);
            BlockBits.Nibbles(ref block, 32 + i * 32, ref quants, i * 64 + 16, 32);
        }
    }
}

/// <summary>d, e, eight 6-bit pairs, 32 bytes whose bit i is the fifth bit in part i, 128 bytes of nibbles as in Q4_K.</summary>
internal readonly struct BlockQ5K : IBlockFormat
{
    public static int Elements => 256;
    public static int Bytes => 176;
    public static int Bits => 5;
    public static int Part => 32;
    public static int Zero => 0;
    public static bool HasMinimum => true;

    public static void Unpack(ref byte block, ref byte quants, ref float scales, ref float minima)
    {
        BlockBits.SixBitPairs(ref block, ref scales, ref minima);
        Vector256<byte> fifth = Vector256.LoadUnsafe(ref block, 16), four = Vector256.Create((byte)15), one = Vector256.Create((byte)1);
        for (int i = 0; i < 4; i++)
        {
            Vector256<byte> nibbles = Vector256.LoadUnsafe(ref block, (nuint)(48 + i * 32));
            (nibbles & four | (fifth >>> (2 * i) & one) << 4).StoreUnsafe(ref quants, (nuint)(i * 64));
            (nibbles >>> 4 | (fifth >>> (2 * i + 1) & one) << 4).StoreUnsafe(ref quants, (nuint)(i * 64 + 32));
        }
    }
}

/// <summary>
/// 128 bytes of nibbles, 64 bytes of upper bit pairs, sixteen signed scales s, d. Each half of 128 elements has 64 + 32 of these bytes.
/// </summary>
internal readonly struct BlockQ6K : IBlockFormat
{
    public static int Elements => 256;
    public static int Bytes => 210;
    public static int Bits => 6;
    public static int Part => 16;
    public static int Zero => 32;
    public static bool HasMinimum => false;

    public static void Unpack(ref byte block, ref byte quants, ref float scales, ref float minima)
    {
        float d = BlockBits.Half(ref block, 208);
        for (int i = 0; i < 16; i++) Unsafe.Add(ref scales, i) = d * (sbyte)Unsafe.Add(ref block, 192 + i);
        Vector256<byte> four = Vector256.Create((byte)15), two = Vector256.Create((byte)3);
        for (int half = 0; half < 2; half++)
        {
            Vector256<byte> first = Vector256.LoadUnsafe(ref block, (nuint)(half * 64));
            Vector256<byte> second = Vector256.LoadUnsafe(ref block, (nuint)(half * 64 + 32));
            Vector256<byte> upper = Vector256.LoadUnsafe(ref block, (nuint)(128 + half * 32));
            ref byte q = ref Unsafe.Add(ref quants, half * 128);
            (first & four | (upper & two) << 4).StoreUnsafe(ref q);
            (second & four | (upper >>> 2 & two) << 4).StoreUnsafe(ref q, 32);
            (first >>> 4 | (upper >>> 4 & two) << 4).StoreUnsafe(ref q, 64);
            (second >>> 4 | upper >>> 6 << 4).StoreUnsafe(ref q, 96);
        }
    }
}

/// <summary>The pieces that block formats share.</summary>
internal static class BlockBits
{
    public static float Half(ref byte block, int offset) =>
        (float)BinaryPrimitives.ReadHalfLittleEndian(MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref block, offset), 2));

    /// <summary>16 bytes: their low nibbles go to quants[to..], their high ones <paramref name="gap"/> elements further.</summary>
    public static void Nibbles(ref byte block, int from, ref byte quants, int to, int gap)
    {
        Vector128<byte> nibbles = Vector128.LoadUnsafe(ref block, (nuint)from);
        (nibbles & Vector128.Create((byte)15)).StoreUnsafe(ref quants, (nuint)to);
        (nibbles >>> 4).StoreUnsafe(ref quants, (nuint)(to + gap));
    }

    /// <summary>Bit i of 32 is worth 16 in element i.</summary>
    public static void AddFifthBits(ref byte block, int from, ref byte quants)
    {
        uint bits = BinaryPrimitives.ReadUInt32LittleEndian(MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref block, from), 4));
        Vector128<byte> bit = Vector128.Create(0x8040201008040201ul).AsByte(), sixteen = Vector128.Create((byte)16);
        Vector128<byte> low = Vector128.Create((bits & 0xFF) * 0x0101010101010101ul, (bits >> 8 & 0xFF) * 0x0101010101010101ul).AsByte();
        Vector128<byte> high = Vector128.Create((bits >> 16 & 0xFF) * 0x0101010101010101ul, (bits >> 24) * 0x0101010101010101ul).AsByte();
        (Vector128.LoadUnsafe(ref quants) | Vector128.Equals(low & bit, bit) & sixteen).StoreUnsafe(ref quants);
        (Vector128.LoadUnsafe(ref quants, 16) | Vector128.Equals(high & bit, bit) & sixteen).StoreUnsafe(ref quants, 16);
    }

    /// <summary>
    /// d and e, then 12 bytes with eight scales and eight minima: bytes 0–3 and 4–7 hold the first four of each in their lower six bits;
    /// bytes 8–11 the lower four bits of the last four (scale low, minimum high), whose upper two bits are those of bytes 0–3 and 4–7.
    /// </summary>
    public static void SixBitPairs(ref byte block, ref float scales, ref float minima)
    {
        float d = Half(ref block, 0), e = Half(ref block, 2);
        ref byte packed = ref Unsafe.Add(ref block, 4);
        for (int i = 0; i < 4; i++)
        {
            int first = Unsafe.Add(ref packed, i), second = Unsafe.Add(ref packed, i + 4), third = Unsafe.Add(ref packed, i + 8);
            Unsafe.Add(ref scales, i) = d * (first & 63);
            Unsafe.Add(ref minima, i) = -(e * (second & 63));
            Unsafe.Add(ref scales, i + 4) = d * (third & 15 | first >> 6 << 4);
            Unsafe.Add(ref minima, i + 4) = -(e * (third >> 4 | second >> 6 << 4));
        }
    }
}
