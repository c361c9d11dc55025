using System.Runtime.InteropServices;

namespace Halfspace.Kernels.Reporting;

/// <summary>The memory layout of sketches, and how a point becomes one.</summary>
/// <remarks>
/// <para>A block holds 64 points. First the codes: for each group of 4 coordinates 256 bytes, four a point. Then 64 scales, each the upper half of a
/// float whose lower half is 0. Then 64 bytes: three floats and zeros. A code b in 1..127 of a point stands for ŷ = (b − 64)/scale.</para>
/// <para>The floats are the most that any of its points has of ‖y − ŷ‖·scale, of ‖ŷ‖·scale and of scale, the first two with an allowance for every
/// rounding on the way to a float score: for any query p, coded with error e, |⟨p,y⟩ − score| is at most (‖p‖·first + ‖e‖·second)/scale, as it is
/// computed. Of each run of 64 coordinates, the codes that share a half-word (0 and 1 of each group, or 2 and 3) have Σ(b − 64)² ≤ 144².</para>
/// <para>Appending a point touches no other's bytes and never lowers one of the floats, so whoever knows of fewer points can read on.</para>
/// </remarks>
public static class SketchBlocks
{
    /// <summary>Points in a block.</summary>
    public const int Points = 64;

    /// <summary>What a code's byte is more than the whole number it stands for.</summary>
    internal const int Offset = 64;

    /// <summary>Coordinates of a run, whose products are summed in half-words of 16 bits.</summary>
    internal const int RunLength = 64;

    /// <summary>The most that the codes of a half-word's coordinates have as a norm.</summary>
    internal const int HalfNorm = 144;

    /// <summary>Bytes of a block's scales.</summary>
    internal const int ScaleBytes = Points * sizeof(ushort);

    private const int Limit = Offset - 1;
    private const int BoundBytes = 64;

    // What the coding of a query usually loses of it: what a scale's codes cost beside their residual.
    private const double QueryError = 1.0 / 128;

    // Scales tried, each a little smaller than the one before: by chance one of them rounds less away.
    private const int Scales = 4;
    private const double Finer = 0.992;

    /// <summary>Bytes of a block of points of <paramref name="padded"/> coordinates, a multiple of 8.</summary>
    public static int Bytes(int padded) => CodeBytes(padded) + ScaleBytes + BoundBytes;

    /// <summary>Where the scales begin in a block.</summary>
    internal static int CodeBytes(int padded) => padded * Points;

    /// <summary>Writes a point's sketch.</summary>
    /// <param name="y">The centred and rotated point, [D].</param>
    /// <param name="block">The block, <see cref="Bytes"/> long.</param>
    /// <param name="slot">The point's place in it, below 64. The first one begins the block; others may follow in any order.</param>
    /// <exception cref="ArgumentException">Shapes differ.</exception>
    public static void Encode(ReadOnlySpan<double> y, Span<byte> block, int slot)
    {
        if (y.Length % 8 != 0 || block.Length != Bytes(y.Length) || (uint)slot >= Points)
            throw new ArgumentException($"A block of {y.Length} coordinates has {Bytes(y.Length)} bytes and {Points} slots; there are {block.Length}.");
        double largest = 0;
        foreach (double v in y) largest = Math.Max(largest, Math.Abs(v));

        // Where there is nothing to code, or floats do not reach, any scale will do: the bound is measured.
        float scale = Shorten(Math.Clamp((Limit + 0.49) / largest, 1e-37, 1e37));
        for (double norm = Code(y, scale, block, slot); norm > HalfNorm; norm = Code(y, scale, block, slot))
            scale = Shorten(scale * Math.Min(HalfNorm / norm, 0.999));
        Fit kept = Measure(y, scale, block, slot);
        for (int i = 1; i < Scales; i++)
        {
            scale = Shorten(scale * Finer);
            if (Code(y, scale, block, slot) > HalfNorm) continue;
            Fit other = Measure(y, scale, block, slot);
            if (other.Cost < kept.Cost) kept = other;
        }

        if (kept.Scale != scale) Code(y, kept.Scale, block, slot);
        MemoryMarshal.Cast<byte, ushort>(block[CodeBytes(y.Length)..])[slot] = (ushort)(BitConverter.SingleToUInt32Bits(kept.Scale) >> 16);
        Span<float> most = MemoryMarshal.Cast<byte, float>(block[(CodeBytes(y.Length) + ScaleBytes)..]);
        if (slot == 0) most.Clear();
        most[0] = Math.Max(most[0], MathF.BitIncrement((float)kept.Residual));
        most[1] = Math.Max(most[1], MathF.BitIncrement((float)kept.Norm));
        most[2] = Math.Max(most[2], kept.Scale);
    }

    /// <summary>Whether the numbers that follow a block's codes are such as <see cref="Encode"/> writes, for its first points.</summary>
    /// <param name="block">The block, <see cref="Bytes"/> long.</param>
    /// <param name="padded">D.</param>
    /// <param name="points">How many points it holds.</param>
    public static bool IsSound(ReadOnlySpan<byte> block, int padded, int points)
    {
        foreach (ushort scale in MemoryMarshal.Cast<byte, ushort>(block[CodeBytes(padded)..])[..points])
            if (!(BitConverter.UInt32BitsToSingle((uint)scale << 16) is > 0 and < float.PositiveInfinity)) return false;
        foreach (float most in MemoryMarshal.Cast<byte, float>(block[(CodeBytes(padded) + ScaleBytes)..])[..3])
            if (!(most is >= 0 and < float.PositiveInfinity)) return false;
        return true;
    }

    // Writes the codes; returns the largest norm of those that share a half-word.
    private static double Code(ReadOnlySpan<double> y, float scale, Span<byte> block, int slot)
    {
        int most = 0;
        for (int start = 0; start < y.Length; start += RunLength)
        {
            int low = 0, high = 0;
            for (int i = start; i < Math.Min(start + RunLength, y.Length); i++)
            {
                int code = (int)Math.Clamp(Math.Round(y[i] * scale), -Limit, Limit);
                block[Place(i, slot)] = (byte)(code + Offset);
                if ((i & 2) == 0) low += code * code;
                else high += code * code;
            }

            most = Math.Max(most, Math.Max(low, high));
        }

        return Math.Sqrt(most);
    }

    private static Fit Measure(ReadOnlySpan<double> y, float scale, ReadOnlySpan<byte> block, int slot)
    {
        double error = 0, norm = 0, codes = 0;
        for (int i = 0; i < y.Length; i++)
        {
            int code = block[Place(i, slot)] - Offset;
            double exact = y[i] * scale;
            error += (exact - code) * (exact - code);
            norm += exact * exact;
            codes += (double)code * code;
        }

        double coded = Math.Sqrt(codes);
        return new(scale, (Math.Sqrt(error) * (1 + 1e-6)) + (1e-6 * coded) + (1e-12 * Math.Sqrt(norm)), coded * (1 + 1e-6));
    }

    private static int Place(int coordinate, int slot) => (coordinate / 4 * 4 * Points) + (slot * 4) + (coordinate % 4);

    // The next float down whose lower half is 0.
    private static float Shorten(double value) =>
        BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(MathF.BitDecrement((float)value)) & 0xFFFF0000);

    // What codes of a scale are off, and their norm, both in codes and with what a float can lose of a whole number, and the rotation in double.
    private readonly record struct Fit(float Scale, double Residual, double Norm)
    {
        public double Cost => (Residual + (QueryError * Norm)) / Scale;
    }
}
