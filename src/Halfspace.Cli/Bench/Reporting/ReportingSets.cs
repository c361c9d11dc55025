using Halfspace.Reporting;

namespace Halfspace.Cli.Bench.Reporting;

/// <summary>The point sets that structures are measured on, with queries for them. Seeded.</summary>
internal static class ReportingSets
{
    public const string Uniform = "uniform", Gaussian = "gaussian", Clustered = "clustered", Keys = "keys";

    public const int KeyDimension = GoldenFiles.Dimension, KeyCount = 8192;

    private const int KeyLayer = 11, Clusters = 64;

    /// <summary>The sets of a dimension: real keys where they are at hand.</summary>
    public static string[] For(int dimension) =>
        dimension == KeyDimension && GoldenFiles.Repository() is not null ? [Uniform, Gaussian, Clustered, Keys] : [Uniform, Gaussian, Clustered];

    /// <summary>The first n points of a set.</summary>
    public static PointSet Points(string set, int n, int dimension)
    {
        if (set == Keys) return PointSet.From(Floats(KeyLayer, "k", 1).AsMemory(0, n * dimension), dimension);
        Random random = new(17);
        float[] values = new float[n * dimension];
        float[] centres = [.. Enumerable.Range(0, Clusters * dimension).Select(_ => (2 * random.NextSingle()) - 1)];
        for (int i = 0; i < n; i++)
        {
            int cluster = random.Next(Clusters);
            for (int j = 0; j < dimension; j++)
            {
                values[(i * dimension) + j] = set switch
                {
                    Uniform => (2 * random.NextSingle()) - 1,
                    Gaussian => Normal(random),
                    _ => centres[(cluster * dimension) + j] + (0.05f * Normal(random)),
                };
            }
        }

        return PointSet.From(values, dimension);
    }

    /// <summary>Queries, [count × d]: random directions, or real queries of the keys' heads.</summary>
    public static float[] Queries(string set, int count, int dimension)
    {
        Random random = new(18);
        if (set != Keys) return [.. Enumerable.Range(0, count * dimension).Select(_ => Normal(random))];
        float[] all = KeyQueries(KeyLayer);
        int stride = all.Length / dimension / count;
        return [.. Enumerable.Range(0, count).SelectMany(i => all.Skip(i * stride * dimension).Take(dimension))];
    }

    /// <summary>Keys of a layer, [8192 × 64].</summary>
    public static float[] KeysOf(int layer) => Floats(layer, "k", 1);

    /// <summary>Queries of a layer as a = q/√d, [768 × 64]: the three heads of a position in turn.</summary>
    public static float[] KeyQueries(int layer)
    {
        float[] byHead = Floats(layer, "q", 1 / MathF.Sqrt(KeyDimension)), byPosition = new float[byHead.Length];
        int positions = byHead.Length / KeyDimension / 3;
        for (int head = 0; head < 3; head++)
            for (int p = 0; p < positions; p++)
                byHead.AsSpan(((head * positions) + p) * KeyDimension, KeyDimension).CopyTo(byPosition.AsSpan(((p * 3) + head) * KeyDimension));
        return byPosition;
    }

    /// <summary>The layers whose keys are at hand.</summary>
    public static int[] KeyLayers() => GoldenFiles.Repository() is { } folder
        ? [.. Enumerable.Range(0, 100).Where(layer => GoldenFiles.Has(folder, layer))]
        : [];

    private static float[] Floats(int layer, string part, float scale) =>
        [.. GoldenFiles.Read(GoldenFiles.Repository()!, layer, part).Select(h => (float)h * scale)];

    private static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
