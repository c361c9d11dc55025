namespace Halfspace.Kernels.Tests.Reporting;

/// <summary>Vectors that sketches may meet, and those that are made to break them.</summary>
internal static class SketchCases
{
    /// <summary>Widths of heads, with a rotation of one transform and of two.</summary>
    public static readonly int[] Dims = [8, 16, 24, 64, 80, 96, 128, 256];

    /// <summary>Named sets of 20 rows of centred keys, [20, d].</summary>
    public static IEnumerable<(string Name, float[] Rows)> Keys(int dim)
    {
        yield return ("gaussian", Rows(dim, (random, _, _) => Gaussian(random)));
        yield return ("gaussian with outlier channels", Rows(dim, (random, _, c) => Gaussian(random) * (c % 7 == 3 ? 40 : 1)));
        yield return ("one coordinate", Rows(dim, (_, r, c) => c == r % dim ? (r % 2 == 0 ? 3.5f : -1e-3f) : 0));
        yield return ("one rotated coordinate", Turned(dim, (_, r, c) => c == r % dim ? (r % 2 == 0 ? 3.5 : -1e-3) : 0));
        yield return ("all rotated coordinates equal", Turned(dim, (_, r, _) => r % 2 == 0 ? 2.5 : -0.7));
        yield return ("all rotated coordinates of one size", Turned(dim, (random, r, _) => (r + 1) * Sign(random)));
        yield return ("equal", Rows(dim, (_, _, _) => 0.3f));
        yield return ("zero", Rows(dim, (_, r, c) => (r + c) % 2 == 0 ? 0f : -0f));
        yield return ("subnormals of float16", Rows(dim, (random, _, _) => random.Next(-1023, 1024) * 5.9604645e-8f));
        yield return ("subnormals of float", Rows(dim, (random, _, _) => random.Next(-100, 100) * float.Epsilon));
        yield return ("tiny", Rows(dim, (random, _, _) => 1e-8f * Gaussian(random)));
        yield return ("one tiny coordinate", Rows(dim, (_, r, c) => c == r % dim ? 1e-8f : 0));
        yield return ("where steps become subnormal", Rows(dim, (random, r, _) => 4.6e-4f * MathF.Pow(1.2f, r - 10) * Gaussian(random)));
        yield return ("many magnitudes", Rows(dim, (random, _, _) => MathF.Pow(10, (7 * random.NextSingle()) - 5) * Sign(random)));
        yield return ("huge", Rows(dim, (random, _, _) => 65504 * Sign(random)));
        yield return ("huge and equal", Rows(dim, (_, _, _) => 65504));
        yield return ("one huge coordinate", Rows(dim, (_, r, c) => c == r % dim ? 65504 : 0));
    }

    /// <summary>The like for query rows, scaled as attention does.</summary>
    public static IEnumerable<(string Name, float[] Rows)> Queries(int dim)
    {
        yield return ("gaussian", Rows(dim, (random, _, _) => 3 * Gaussian(random) / MathF.Sqrt(dim)));
        yield return ("one coordinate", Rows(dim, (_, r, c) => c == r % dim ? 8 : 0));
        yield return ("one rotated coordinate", Turned(dim, (_, r, c) => c == r % dim ? -0.25 : 0));
        // The sums of a half-word would leave int16 at 8 bits.
        yield return ("all rotated coordinates equal", Turned(dim, (_, r, _) => r % 2 == 0 ? 3 : -0.01));
        yield return ("all rotated coordinates of one size", Turned(dim, (random, _, _) => Sign(random)));
        yield return ("half of a half-word's coordinates", Turned(dim, (_, r, c) => c / 2 % 2 == r % 2 ? 1 : 1e-3));
        yield return ("zero", Rows(dim, (_, r, c) => (r + c) % 2 == 0 ? 0f : -0f));
        yield return ("tiny", Rows(dim, (random, _, _) => 1e-13f * Gaussian(random)));
        yield return ("huge", Rows(dim, (random, _, _) => 1e12f * Sign(random)));
        yield return ("many magnitudes", Rows(dim, (random, _, _) => MathF.Pow(10, (7 * random.NextSingle()) - 5) * Sign(random)));
    }

    private static float[] Rows(int dim, Func<Random, int, int, float> entry)
    {
        Random random = new(dim);
        float[] rows = new float[20 * dim];
        for (int i = 0; i < rows.Length; i++) rows[i] = entry(random, i / dim, i % dim);
        return rows;
    }

    private static float[] Turned(int dim, Func<Random, int, int, double> entry)
    {
        Random random = new(dim);
        List<float> rows = [];
        for (int r = 0; r < 20; r++)
        {
            double[] y = new double[dim];
            for (int c = 0; c < dim; c++) y[c] = entry(random, r, c);
            rows.AddRange(SketchedKeys.Unrotated(y));
        }
        return [.. rows];
    }

    private static float Sign(Random random) => random.Next(2) == 0 ? 1 : -1;

    private static float Gaussian(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
