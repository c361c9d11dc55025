using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Halfspace.Runtime.Gguf;

/// <summary>Turns stored numbers into floats, bit for bit as the block formats define them. Allocates nothing.</summary>
public static class Dequantizer
{
    /// <summary>Whether tensors of the type can be read.</summary>
    public static bool IsSupported(GgufTensorType type) => Shape(type).Block != 0;

    /// <summary>How many consecutive elements of a row are stored together.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is unknown.</exception>
    public static int BlockSize(GgufTensorType type) => Known(type).Block;

    /// <summary>The size of a block in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is unknown.</exception>
    public static int BlockBytes(GgufTensorType type) => Known(type).Bytes;

    /// <summary>Dequantises whole blocks, such as a row or a tensor.</summary>
    /// <param name="type">How <paramref name="source"/> is stored.</param>
    /// <param name="source">The blocks.</param>
    /// <param name="destination">One float for each element.</param>
    /// <exception cref="ArgumentOutOfRangeException">The type is unknown.</exception>
    /// <exception cref="ArgumentException">The lengths are not those of the same whole blocks.</exception>
    public static void Dequantize(GgufTensorType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        (int block, int bytes) = Known(type);
        if (source.Length % bytes != 0 || (long)(source.Length / bytes) * block != destination.Length)
        {
            throw new ArgumentException($"{source.Length} bytes of {type}, in blocks of {bytes} bytes and {block} elements, "
                + $"do not fill {destination.Length} elements.", nameof(destination));
        }

        switch (type)
        {
            case GgufTensorType.F32: source.CopyTo(MemoryMarshal.AsBytes(destination)); break;
            case GgufTensorType.F16: TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(source), destination); break;
            case GgufTensorType.BF16: Widen(MemoryMarshal.Cast<byte, ushort>(source), MemoryMarshal.Cast<float, uint>(destination)); break;
            case GgufTensorType.Q4_0: Blocks<BlockQ4Zero>(source, destination); break;
            case GgufTensorType.Q4_1: Blocks<BlockQ4One>(source, destination); break;
            case GgufTensorType.Q5_0: Blocks<BlockQ5Zero>(source, destination); break;
            case GgufTensorType.Q5_1: Blocks<BlockQ5One>(source, destination); break;
            case GgufTensorType.Q8_0: Blocks<BlockQ8Zero>(source, destination); break;
            case GgufTensorType.Q4_K: Blocks<BlockQ4K>(source, destination); break;
            case GgufTensorType.Q5_K: Blocks<BlockQ5K>(source, destination); break;
            default: Blocks<BlockQ6K>(source, destination); break;
        }
    }

    private static void Widen(ReadOnlySpan<ushort> source, Span<uint> destination)
    {
        for (int i = 0; i < source.Length; i++) destination[i] = (uint)source[i] << 16;
    }

    private static void Blocks<TFormat>(ReadOnlySpan<byte> source, Span<float> destination) where TFormat : struct, IBlockFormat
    {
        Unsafe.SkipInit(out BlockBuffer buffer);
        ref byte quants = ref buffer.Quants[0];
        ref byte block = ref MemoryMarshal.GetReference(source);
        ref float w = ref MemoryMarshal.GetReference(destination);
        for (int left = destination.Length; left > 0; left -= TFormat.Elements)
        {
            TFormat.Unpack(ref block, ref quants, ref buffer.Scales[0], ref buffer.Minima[0]);
            for (int part = 0; part < TFormat.Elements / TFormat.Part; part++)
            {
                Vector256<float> scale = Vector256.Create(buffer.Scales[part]), minimum = Vector256.Create(buffer.Minima[part]);
                for (int i = part * TFormat.Part; i < (part + 1) * TFormat.Part; i += 16)
                {
                    (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(Vector128.LoadUnsafe(ref quants, (nuint)i));
                    Store<TFormat>(low, scale, minimum, ref Unsafe.Add(ref w, i));
                    Store<TFormat>(high, scale, minimum, ref Unsafe.Add(ref w, i + 8));
                }
            }

            block = ref Unsafe.Add(ref block, TFormat.Bytes);
            w = ref Unsafe.Add(ref w, TFormat.Elements);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TFormat>(Vector128<ushort> quants, Vector256<float> scale, Vector256<float> minimum, ref float w)
        where TFormat : struct, IBlockFormat
    {
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(quants);
        Vector256<float> q = Vector256.ConvertToSingle(Vector256.Create(low, high).AsInt32() - Vector256.Create(TFormat.Zero));
        (TFormat.HasMinimum ? scale * q + minimum : scale * q).StoreUnsafe(ref w);
    }

    private static (int Block, int Bytes) Known(GgufTensorType type) =>
        Shape(type) is { Block: > 0 } shape ? shape
            : throw new ArgumentOutOfRangeException(nameof(type), type, "The tensor type is unknown.");

    private static (int Block, int Bytes) Shape(GgufTensorType type) => type switch
    {
        GgufTensorType.F32 => (1, 4),
        GgufTensorType.F16 or GgufTensorType.BF16 => (1, 2),
        GgufTensorType.Q4_0 => (BlockQ4Zero.Elements, BlockQ4Zero.Bytes),
        GgufTensorType.Q4_1 => (BlockQ4One.Elements, BlockQ4One.Bytes),
        GgufTensorType.Q5_0 => (BlockQ5Zero.Elements, BlockQ5Zero.Bytes),
        GgufTensorType.Q5_1 => (BlockQ5One.Elements, BlockQ5One.Bytes),
        GgufTensorType.Q8_0 => (BlockQ8Zero.Elements, BlockQ8Zero.Bytes),
        GgufTensorType.Q4_K => (BlockQ4K.Elements, BlockQ4K.Bytes),
        GgufTensorType.Q5_K => (BlockQ5K.Elements, BlockQ5K.Bytes),
        GgufTensorType.Q6_K => (BlockQ6K.Elements, BlockQ6K.Bytes),
        _ => default,
    };
}
