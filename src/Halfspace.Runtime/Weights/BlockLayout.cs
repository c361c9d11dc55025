using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Weights;

/// <summary>
/// How a quantised type's rows go to ONNX Runtime's MatMulNBits: B, uint8 [N, K / Block, Block · Bits / 8], and scales, float
/// [N, K / Block]; where the type has minima, also float [K / Block, N] for a second product with the sums of x over blocks. A weight is
/// scale · (B − zero) + minimum. With the same rounding as in <see cref="Dequantizer"/> that equals the file's weight bit for bit:
/// scale · (B − zero) is exact in float, and the minimum is added with one rounding. (Centred minima may change the sign of a zero; an
/// output y differs in rounding, because the two products are summed apart.)
/// </summary>
/// <param name="Bits">4 or 8.</param>
/// <param name="Block">Elements that share a scale: 32, or 16 for Q6_K.</param>
/// <param name="HasMinimum">Whether there are minima.</param>
internal sealed record BlockLayout(int Bits, int Block, bool HasMinimum)
{
    /// <summary>The zero point of MatMulNBits when none is given.</summary>
    public int DefaultZero => 1 << (Bits - 1);

    /// <summary>The bytes of B in a row of <paramref name="inner"/> elements.</summary>
    public int RowBytes(int inner) => inner / 8 * Bits;

    /// <summary>The layout for a type; null for floats, which stay floats.</summary>
    public static BlockLayout? For(GgufTensorType type) => type switch
    {
        GgufTensorType.Q4_0 => new(4, 32, false),
        GgufTensorType.Q4_1 or GgufTensorType.Q4_K => new(4, 32, true),
        GgufTensorType.Q5_0 or GgufTensorType.Q8_0 => new(8, 32, false),
        GgufTensorType.Q5_1 or GgufTensorType.Q5_K => new(8, 32, true),
        GgufTensorType.Q6_K => new(8, 16, false),
        _ => null,
    };

    /// <summary>Converts consecutive rows. Nothing is allocated, so a large tensor can be converted by ranges.</summary>
    /// <param name="type">How <paramref name="source"/> is stored.</param>
    /// <param name="source">The rows' blocks. [rows, inner]</param>
    /// <param name="inner">K, a multiple of the type's block.</param>
    /// <param name="quants">Their part of B. [rows, RowBytes(inner)]</param>
    /// <param name="scales">Their part of the scales. [rows, inner / Block]</param>
    /// <param name="minima">
    /// The minima of the whole matrix, written in the rows' columns only; empty without minima. [inner / Block, outer]
    /// </param>
    /// <param name="outer">N, of the whole matrix.</param>
    /// <param name="firstRow">The first row's place in the whole matrix.</param>
    /// <param name="centre">
    /// Only with minima. False: the minima are the file's; zero is 0 for 4 bits (to be given to MatMulNBits) and the default 128 for 8.
    /// True: zero is the default, 8 or 128, the integers B − zero lie around 0, and the minimum is raised by 8 or 16 scales to match.
    /// </param>
    /// <returns>Whether every raised minimum is exact. If not, convert the matrix again without <paramref name="centre"/>.</returns>
    /// <exception cref="ArgumentException">The type has no such layout, or a length does not fit.</exception>
    public static bool Convert(GgufTensorType type, ReadOnlySpan<byte> source, int inner, Span<byte> quants, Span<float> scales,
        Span<float> minima, int outer, int firstRow, bool centre)
    {
        BlockLayout layout = For(type) ?? throw new ArgumentException($"{type} is not a quantised type.", nameof(type));
        int blockSize = Dequantizer.BlockSize(type);
        if (inner <= 0 || inner % blockSize != 0)
            throw new ArgumentException($"{inner} is no multiple of the block of {blockSize} in {type}.", nameof(inner));
        long rowBytes = (long)(inner / blockSize) * Dequantizer.BlockBytes(type);
        int rows = (int)(source.Length / rowBytes), parts = inner / layout.Block;
        if (source.Length % rowBytes != 0)
            throw new ArgumentException($"{source.Length} bytes are not whole rows of {rowBytes}.", nameof(source));
        Same(quants.Length, (long)rows * layout.RowBytes(inner), nameof(quants));
        Same(scales.Length, (long)rows * parts, nameof(scales));
        Same(minima.Length, layout.HasMinimum ? (long)parts * outer : 0, nameof(minima));
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, outer - firstRow);
        Target target = new(quants, scales, minima, inner, outer, firstRow, centre);
        return type switch
        {
            GgufTensorType.Q4_0 => Rows<BlockQ4Zero>(source, target),
            GgufTensorType.Q4_1 => Rows<BlockQ4One>(source, target),
            GgufTensorType.Q4_K => Rows<BlockQ4K>(source, target),
            GgufTensorType.Q5_0 => Rows<BlockQ5Zero>(source, target),
            GgufTensorType.Q5_1 => Rows<BlockQ5One>(source, target),
            GgufTensorType.Q5_K => Rows<BlockQ5K>(source, target),
            GgufTensorType.Q8_0 => Rows<BlockQ8Zero>(source, target),
            _ => Rows<BlockQ6K>(source, target),
        };
    }

    private static void Same(int length, long needed, string name)
    {
        if (length != needed) throw new ArgumentException($"{length} elements were given where {needed} are needed.", name);
    }

    private static bool Rows<TFormat>(ReadOnlySpan<byte> source, Target target) where TFormat : struct, IBlockFormat
    {
        // B − zero is q − Zero without a minimum, q with one, and q − half its range when that is centred.
        int half = target.Centre ? 1 << (TFormat.Bits - 1) : 0;
        Vector256<byte> shift = Vector256.Create((byte)(128 - (TFormat.HasMinimum ? half : TFormat.Zero)));
        Unsafe.SkipInit(out BlockBuffer buffer);
        ref byte unpacked = ref buffer.Quants[0];
        ref byte block = ref MemoryMarshal.GetReference(source);
        ref byte quants = ref MemoryMarshal.GetReference(target.Quants);
        bool exact = true;
        int parts = target.Inner / TFormat.Part, scale = 0;
        for (int row = target.FirstRow; scale < target.Scales.Length; row++)
        {
            for (int part = 0; part < parts;)
            {
                TFormat.Unpack(ref block, ref unpacked, ref buffer.Scales[0], ref buffer.Minima[0]);
                for (int i = 0; i < TFormat.Elements / TFormat.Part; i++, part++, scale++)
                {
                    target.Scales[scale] = buffer.Scales[i];
                    if (!TFormat.HasMinimum) continue;
                    ref float minimum = ref target.Minima[(int)((long)part * target.Outer + row)];
                    exact &= Raise(buffer.Minima[i], half, buffer.Scales[i], out minimum);
                }

                for (int i = 0; i < TFormat.Elements; i += 32)
                {
                    Vector256<byte> q = Vector256.LoadUnsafe(ref unpacked, (nuint)i);
                    if (TFormat.Bits == 4) Pair(q).StoreUnsafe(ref quants, (nuint)i / 2);
                    else (q + shift).StoreUnsafe(ref quants, (nuint)i);
                }

                block = ref Unsafe.Add(ref block, TFormat.Bytes);
                quants = ref Unsafe.Add(ref quants, TFormat.Bits == 4 ? TFormat.Elements / 2 : TFormat.Elements);
            }
        }

        return exact;
    }

    /// <summary>
    /// minimum + half · scale, and whether it is exact. All terms are multiples of 2^−24 below 2^28, so the sum is exact in double.
    /// </summary>
    private static bool Raise(float minimum, int half, float scale, out float raised)
    {
        raised = minimum;
        if (half == 0) return true;
        double sum = minimum + (double)half * scale;
        raised = (float)sum;
        return raised == sum && float.IsFinite(raised);
    }

    /// <summary>32 nibbles in bytes to 16 bytes: element 2i low, 2i + 1 high.</summary>
    private static Vector128<byte> Pair(Vector256<byte> nibbles)
    {
        Vector256<ushort> pairs = nibbles.AsUInt16();
        pairs = (pairs | pairs >>> 4) & Vector256.Create((ushort)0xFF);
        return Vector128.Narrow(pairs.GetLower(), pairs.GetUpper());
    }

    private readonly ref struct Target(Span<byte> quants, Span<float> scales, Span<float> minima, int inner, int outer, int firstRow,
        bool centre)
    {
        public readonly Span<byte> Quants = quants;
        public readonly Span<float> Scales = scales, Minima = minima;
        public readonly int Inner = inner, Outer = outer, FirstRow = firstRow;
        public readonly bool Centre = centre;
    }
}
