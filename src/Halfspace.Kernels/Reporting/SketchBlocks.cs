using System.Runtime.InteropServices;

namespace Halfspace.Kernels.Reporting;

/// <summary>The memory layout of sketches, and how a point becomes one.</summary>
/// <remarks>
/// <para>A block holds 64 points. First the codes: for each group of 8 coordinates 256 bytes, four a point; byte j of a point has coordinate j of
/// the group in its low nibble and coordinate j + 4 in its high one. Then 64 floats each of step, middle, residual and size. A coordinate y is
/// coded by c in 0..15 and stands for ŷ = middle + step·(c − 7.5).</para>
/// <para>residual ≥ ‖y − ŷ‖ and size ≥ ‖ŷ‖, with an allowance for every rounding on the way to a float score, so that for any query p, coded with
/// error e, |⟨p,y⟩ − score| ≤ reach·residual + ‖e‖·size holds as it is computed. A point's bytes are its own: appending one leaves its neighbours'
/// untouched.</para>
/// </remarks>
public static class SketchBlocks
{
    /// <summary>Points in a block.</summary>
    public const int Points = 64;

    private const int Factors = 4 * Points * sizeof(float);

    // Middles tried: a narrower range costs clipping and gains resolution.
    private static ReadOnlySpan<double> Ranges => [1, 0.92, 0.84];

    /// <summary>Bytes of a block of points of <paramref name="padded"/> coordinates, a multiple of 8.</summary>
    public static int Bytes(int padded) => (padded * Points / 2) + Factors;

    /// <summary>Where the factors begin in a block.</summary>
    internal static int CodeBytes(int padded) => padded * Points / 2;

    /// <summary>Writes a point's sketch.</summary>
    /// <param name="y">The centred and rotated point, [D].</param>
    /// <param name="block">The block, <see cref="Bytes"/> long.</param>
    /// <param name="slot">The point's place in it, below 64.</param>
    /// <param name="codes">Scratch, [D].</param>
    /// <exception cref="ArgumentException">Shapes differ.</exception>
    public static void Encode(ReadOnlySpan<double> y, Span<byte> block, int slot, Span<byte> codes)
    {
        if (y.Length % 8 != 0 || block.Length != Bytes(y.Length) || codes.Length != y.Length || (uint)slot >= Points)
            throw new ArgumentException($"A block of {y.Length} coordinates has {Bytes(y.Length)} bytes and {Points} slots; there are {block.Length}.");
        (float step, float middle) = Fit(y, codes);
        for (int group = 0; group < y.Length / 8; group++)
            for (int j = 0; j < 4; j++)
                block[(group * 4 * Points) + (slot * 4) + j] = (byte)(codes[(group * 8) + j] | (codes[(group * 8) + j + 4] << 4));

        double error = 0, norm = 0, size = 0, range = 0;
        for (int i = 0; i < y.Length; i++)
        {
            double offset = (double)step * (codes[i] - 7.5), decoded = middle + offset;
            error += (y[i] - decoded) * (y[i] - decoded);
            norm += y[i] * y[i];
            size += decoded * decoded;
            range += offset * offset;
        }

        // What float scores can lose, relative to the parts they are summed from.
        double parts = Math.Sqrt(range) + ((Math.Abs(middle) + (7.5 * step)) * Math.Sqrt(y.Length));
        double residual = (Math.Sqrt(error) * (1 + 1e-6)) + (1e-6 * parts) + (1e-12 * Math.Sqrt(norm));
        Span<float> factors = MemoryMarshal.Cast<byte, float>(block[CodeBytes(y.Length)..]);
        factors[slot] = step;
        factors[Points + slot] = middle;
        factors[(2 * Points) + slot] = MathF.BitIncrement((float)residual);
        factors[(3 * Points) + slot] = MathF.BitIncrement((float)(Math.Sqrt(size) * (1 + 1e-6)));
    }

    // The step and middle of least squared error found from a few ranges, each refined by least squares against its codes.
    private static (float Step, float Middle) Fit(ReadOnlySpan<double> y, Span<byte> codes)
    {
        double low = double.MaxValue, high = double.MinValue;
        foreach (double v in y)
        {
            low = Math.Min(low, v);
            high = Math.Max(high, v);
        }

        double best = double.MaxValue;
        (double Step, double Middle) kept = ((high - low) / 15, (low + high) / 2);
        foreach (double range in Ranges)
        {
            double step = (high - low) / 15 * range, middle = (low + high) / 2;
            for (int pass = 0; pass < 2 && step > 0; pass++)
            {
                (double error, double nextStep, double nextMiddle) = Refine(y, step, middle);
                if (error < best) (best, kept) = (error, (nextStep, nextMiddle));
                (step, middle) = (nextStep, nextMiddle);
            }
        }

        float s = (float)kept.Step, m = (float)kept.Middle;
        for (int i = 0; i < y.Length; i++) codes[i] = Code(y[i], s, m);
        return (s, m);
    }

    // Codes y, and returns the line through (code, y) of least squared error with that error.
    private static (double Error, double Step, double Middle) Refine(ReadOnlySpan<double> y, double step, double middle)
    {
        double sumC = 0, sumY = 0, sumCC = 0, sumCY = 0, sumYY = 0;
        double inverse = 1 / step;
        foreach (double v in y)
        {
            double c = Math.Clamp(Math.Round(((v - middle) * inverse) + 7.5), 0, 15) - 7.5;
            sumC += c;
            sumY += v;
            sumCC += c * c;
            sumCY += c * v;
            sumYY += v * v;
        }

        double n = y.Length, spread = sumCC - (sumC * sumC / n);
        if (!(spread > 0) || !double.IsFinite(inverse)) return (double.MaxValue, step, middle);
        double slope = (sumCY - (sumC * sumY / n)) / spread, offset = (sumY - (slope * sumC)) / n;
        return (sumYY - (offset * sumY) - (slope * sumCY), slope, offset);
    }

    private static byte Code(double y, double step, double middle)
    {
        double c = step > 0 ? Math.Round(((y - middle) / step) + 7.5) : 7;
        return c > 0 ? (byte)Math.Min(c, 15) : (byte)0;
    }
}
