using System.Buffers.Binary;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels.Tests.Reporting;

/// <summary>Centred keys of d coordinates, a multiple of 8, sketched by a tier, and what the format says of them in double.</summary>
internal sealed class SketchedKeys
{
    private const long Seed = 5;
    private static readonly int[] Takes = [1, 16, 3, 7, 16, 2];

    public SketchedKeys(float[] keys, int dim, SimdTier tier)
    {
        Keys = keys;
        Dim = dim;
        Count = keys.Length / dim;
        Rotation = new SketchRotation(dim, Seed);
        int bytes = KeyBlocks.Bytes(dim);
        Blocks = new byte[(Count + KeyBlocks.Keys - 1) / KeyBlocks.Keys * bytes];
        Fits = new bool[Count];
        float[] columns = new float[dim * AttentionKernels.SketchKeys];
        for (int first = 0, turn = 0; first < Count; turn++)
        {
            int slot = first % KeyBlocks.Keys, take = Math.Min(Math.Min(Takes[turn % Takes.Length], Count - first), KeyBlocks.Keys - slot);
            Array.Clear(columns);
            for (int i = 0; i < take; i++)
                for (int c = 0; c < dim; c++) columns[(c * AttentionKernels.SketchKeys) + i] = keys[((first + i) * dim) + c];
            int[] positions = [.. Enumerable.Range(first, take).Select(PositionOf)];
            bool fits = AttentionKernels.For(tier).Sketch(
                columns, Rotation, positions, Blocks.AsSpan(first / KeyBlocks.Keys * bytes, bytes), slot);
            Fits.AsSpan(first, take).Fill(fits);
            first += take;
        }
    }

    public float[] Keys { get; }

    public int Dim { get; }

    public int Count { get; }

    public SketchRotation Rotation { get; }

    public byte[] Blocks { get; }

    /// <summary>What sketching a key, together with up to 15 others, returned.</summary>
    public bool[] Fits { get; }

    /// <summary>Positions that use all three bytes.</summary>
    public static int PositionOf(int key) => key % 2 == 0 ? (key * 65_537) % KeyBlocks.MaxPosition : KeyBlocks.MaxPosition - 1 - key;

    public ReadOnlySpan<byte> Block(int key) => Blocks.AsSpan(key / KeyBlocks.Keys * KeyBlocks.Bytes(Dim), KeyBlocks.Bytes(Dim));

    /// <summary>y: the key, rotated.</summary>
    public double[] Rotated(int key)
    {
        double[] y = Array.ConvertAll(Keys[(key * Dim)..((key + 1) * Dim)], x => (double)x);
        Rotation.Apply(y);
        return y;
    }

    /// <summary>ŷ, from the bytes as the format describes them.</summary>
    public double[] Decoded(int key)
    {
        ReadOnlySpan<byte> block = Block(key);
        int slot = key % KeyBlocks.Keys;
        double step = Step(key);
        double[] y = new double[Dim];
        for (int c = 0; c < Dim; c++)
        {
            int code = block[(c / 8 * 4 * KeyBlocks.Keys) + (slot * 4) + (c % 4)];
            y[c] = step * ((c % 8 < 4 ? code & 15 : code >> 4) - 7.5);
        }
        return y;
    }

    public double Step(int key) => (double)BinaryPrimitives.ReadHalfLittleEndian(Factors(key)[(2 * (key % KeyBlocks.Keys))..]);

    /// <summary>The bound ‖y − ŷ‖ ≤ byte·step·√D/255 as the format states it.</summary>
    public double Residual(int key) => Factors(key)[(2 * KeyBlocks.Keys) + (key % KeyBlocks.Keys)] * Step(key) * Math.Sqrt(Dim) / 255;

    public static double Norm(double[] x) => Math.Sqrt(x.Sum(v => v * v));

    public static double Distance(double[] a, double[] b) => Norm([.. a.Zip(b, (x, y) => x - y)]);

    public static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    /// <summary>x with Rx = y.</summary>
    public static float[] Unrotated(double[] y)
    {
        SketchRotation rotation = new(y.Length, Seed);
        float[] x = new float[y.Length];
        for (int c = 0; c < x.Length; c++)
        {
            double[] unit = new double[y.Length];
            unit[c] = 1;
            rotation.Apply(unit);
            x[c] = (float)Dot(unit, y);
        }
        return x;
    }

    // What follows a block's codes: steps, residuals, positions.
    private ReadOnlySpan<byte> Factors(int key) => Block(key)[(Dim * KeyBlocks.Keys / 2)..];
}
