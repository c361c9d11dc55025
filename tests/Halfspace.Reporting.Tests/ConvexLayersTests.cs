using CsCheck;

namespace Halfspace.Reporting.Tests;

public sealed class ConvexLayersTests
{
    // docs/reporting-format.md
    private const int Order = 64, LayerStarts = 65;

    /// <summary>Sets on which hulls are taken apart in different ways.</summary>
    public static TheoryData<string> Sets => ["grid", "line", "circle", "nested triangles", "spread", "columns"];

    [Theory, MemberData(nameof(Sets))]
    public void Peels_the_layers_that_a_plain_method_peels(string set) =>
        Gen.Select(Gen.Int[1, 150], Gen.Int[0, 12], Gen.Int[0, int.MaxValue - 1]).Sample((n, range, seed) =>
        {
            (int X, int Y)[] points = [.. Points(set, n, range, new Random(seed))];
            using ConvexLayers layers = new(PointSet.From(points.SelectMany(p => new float[] { p.X, p.Y }).ToArray(), 2));
            Assert.Equal(Peel(points), Saved(layers));
        }, seed: "0000Layers001", iter: 150);

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

    private static IEnumerable<(int X, int Y)> Points(string set, int n, int range, Random random)
    {
        // x² + y² = 65²; with a factor on x, of ellipses.
        (int X, int Y)[] circle = [(33, 56), (16, 63), (25, 60), (39, 52), (56, 33), (63, 16), (60, 25), (52, 39), (65, 0), (0, 65)];
        for (int i = 0; i < n; i++)
        {
            int size = random.Next(n), turn = random.Next(3);
            (int X, int Y) p = circle[random.Next(circle.Length)];
            yield return set switch
            {
                "grid" => (random.Next(-range, range + 1), random.Next(-range, range + 1)),
                "line" => (size * range, size * (range - 6)),
                "circle" => (p.X * (1 - (2 * random.Next(2))) * (1 + (range % 3)), p.Y * (1 - (2 * random.Next(2)))),
                "nested triangles" => turn == 0 ? (-3 * size, -2 * size) : turn == 1 ? (3 * size, -2 * size) : (0, 4 * size),
                "columns" => (random.Next(2), random.Next(n)),
                _ => (random.Next(-1 << 20, 1 << 20), random.Next(-1 << 20, 1 << 20)),
            };
        }
    }

    // Strict hulls, one after another, in whole numbers: the rows of each, ascending.
    private static List<int[]> Peel((int X, int Y)[] points)
    {
        List<(long X, long Y)> left = [.. points.Select(p => ((long)p.X, (long)p.Y)).Distinct().Order()];
        List<int[]> layers = [];
        while (left.Count > 0)
        {
            HashSet<(long, long)> hull = [.. Chain(left, 1), .. Chain(left, -1)];
            layers.Add([.. Enumerable.Range(0, points.Length).Where(i => hull.Contains((points[i].X, points[i].Y)))]);
            left.RemoveAll(hull.Contains);
        }

        return layers;
    }

    // The layers of an index, from its file; starts count different points.
    private static List<int[]> Saved(ConvexLayers index)
    {
        IndexFile file = IndexFile.Of(index);
        Span<int> order = file.Ints(Order), starts = file.Ints(LayerStarts);
        List<int[]> layers = [];
        List<int> layer = [];
        float[] point = new float[2], last = new float[2];
        int different = 0, next = 1;
        foreach (int id in order)
        {
            Assert.True(index.TryCopyPoint(id, point));
            if (layer.Count + layers.Count > 0 && !point.AsSpan().SequenceEqual(last)) different++;
            if (different == starts[next])
            {
                layers.Add([.. layer.Order()]);
                layer.Clear();
                next++;
            }

            layer.Add(id);
            point.CopyTo(last, 0);
        }

        layers.Add([.. layer.Order()]);
        Assert.Equal(starts.Length - 1, layers.Count);
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
