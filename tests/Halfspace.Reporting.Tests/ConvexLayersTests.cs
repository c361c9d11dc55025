using CsCheck;

namespace Halfspace.Reporting.Tests;

public sealed class ConvexLayersTests
{
    [Fact]
    public void Peels_the_layers_that_a_plain_method_peels() =>
        Gen.Select(Gen.Int[1, 120], Gen.Int[0, 12], Gen.Int[0, int.MaxValue - 1]).Sample((n, range, seed) =>
        {
            Random random = new(seed);
            float[] points = [.. Enumerable.Range(0, 2 * n).Select(_ => (float)random.Next(-range, range + 1))];
            using ConvexLayers layers = new(PointSet.From(points, 2));
            Assert.Equal(CountLayers(points), layers.LayerCount);
        }, seed: "0000Layers001", iter: 400);

    [Fact]
    public void A_query_touches_few_points_whatever_their_number()
    {
        Random random = new(3);
        float[] points = [.. Enumerable.Range(0, 1 << 17).Select(_ => random.NextSingle())];
        PointSet set = PointSet.From(points, 2);
        using ConvexLayers layers = new(set);
        using FlatIndex flat = new(set);
        HitList hits = new();
        for (int q = 0; q < 30; q++)
        {
            float[] query = [random.NextSingle() - 0.5f, random.NextSingle() - 0.5f];
            int[] expected = flat.Top(query, 32);
            float bias = expected.Min(id => (query[0] * points[2 * id]) + (query[1] * points[(2 * id) + 1]));
            int[] reported = flat.Report(query, bias);
            ReportCost cost = layers.Report(query, bias, hits);
            Assert.Equal(reported, hits.Ids.ToArray());

            // Each layer but the last has a hit, and costs at most three tests beside its hits.
            Assert.InRange(cost.PointsScored, reported.Length, (4 * reported.Length) + 1);
        }
    }

    [Fact]
    public void Every_layer_of_a_line_has_its_two_ends()
    {
        float[] points = [.. Enumerable.Range(0, 1001).SelectMany(i => new[] { i * 0.125f, i * 0.25f })];
        using ConvexLayers layers = new(PointSet.From(points, 2));
        Assert.Equal(501, layers.LayerCount);
        Assert.Equal(Enumerable.Range(900, 101), layers.Report([1, 2], 900 * 0.625f));
    }

    [Fact]
    public void Only_the_plane_is_taken() =>
        Assert.Contains("2 coordinates", Assert.Throws<ArgumentException>(() => new ConvexLayers(PointSet.From(new float[6], 3))).Message, StringComparison.Ordinal);

    // Strict hulls, one after another, in whole numbers.
    private static int CountLayers(float[] points)
    {
        List<(long X, long Y)> left = [.. Enumerable.Range(0, points.Length / 2).Select(i => ((long)points[2 * i], (long)points[(2 * i) + 1])).Distinct().Order()];
        int layers = 0;
        for (; left.Count > 0; layers++)
        {
            HashSet<(long, long)> hull = [.. Chain(left, 1), .. Chain(left, -1)];
            left.RemoveAll(hull.Contains);
        }

        return layers;
    }

    private static List<(long X, long Y)> Chain(List<(long X, long Y)> sorted, int side)
    {
        List<(long X, long Y)> chain = [];
        foreach ((long X, long Y) p in sorted)
        {
            while (chain.Count > 1 && side * (((chain[^1].X - chain[^2].X) * (p.Y - chain[^2].Y)) - ((chain[^1].Y - chain[^2].Y) * (p.X - chain[^2].X))) >= 0)
                chain.RemoveAt(chain.Count - 1);
            chain.Add(p);
        }

        return chain;
    }
}
