using CsCheck;

namespace Halfspace.Reporting.Tests;

public sealed class SpaceLayersTests
{
    /// <summary>Few coordinates: many points in one plane, on one line, equal.</summary>
    [Fact]
    public void Degenerate_sets_report_what_whole_numbers_say() =>
        Gen.Select(Gen.Int[0, 400], Gen.Int[0, 5], Gen.Int[0, 2], Gen.Int[0, int.MaxValue - 1]).Sample((n, range, flatness, seed) =>
        {
            Random random = new(seed);
            float[] points = new float[3 * n];
            for (int i = 0; i < n; i++)
            {
                (int x, int y, int z) = (random.Next(-range, range + 1), random.Next(-range, range + 1), random.Next(-range, range + 1));
                if (flatness == 1 && i % 50 != 0) z = x + y;
                if (flatness == 2) z = (2 * x) - y;
                (points[3 * i], points[(3 * i) + 1], points[(3 * i) + 2]) = (x, y, z);
            }

            using SpaceLayers layers = new(PointSet.From(points, 3));
            for (int q = 0; q < 10; q++)
            {
                float[] query = [random.Next(-3, 4), random.Next(-3, 4), random.Next(-3, 4)];
                float bias = random.Next(-10, 11);
                Assert.Equal(Oracle.Report(points, query, bias), layers.Report(query, bias));
            }
        }, seed: "0000Space0001", iter: 500);

    [Theory, InlineData("ball"), InlineData("sphere"), InlineData("gauss"), InlineData("lattice")]
    public void A_query_touches_few_points_whatever_their_number(string kind)
    {
        int n = 1 << 14;
        float[] points = CellTreeTests.Gaussian(n, 3, 9);
        Random random = new(4);
        for (int i = 0; i < n; i++)
        {
            Span<float> point = points.AsSpan(3 * i, 3);
            float norm = MathF.Sqrt((point[0] * point[0]) + (point[1] * point[1]) + (point[2] * point[2]));
            float scale = kind switch { "ball" => MathF.Cbrt(random.NextSingle()) / norm, "sphere" => 1 / norm, _ => 1 };
            for (int j = 0; j < 3; j++) point[j] = kind == "lattice" ? (i >> (5 * j)) & 31 : point[j] * scale;
        }

        PointSet set = PointSet.From(points, 3);
        using SpaceLayers layers = new(set);
        using FlatIndex flat = new(set);
        HitList hits = new();
        long touched = 0;
        for (int q = 0; q < 40; q++)
        {
            float[] query = CellTreeTests.Gaussian(1, 3, 50 + q);
            float bias = CellTreeTests.BiasOf(flat, query, 32, points);
            ReportCost cost = layers.Report(query, bias, hits);
            touched += cost.PointsScored + cost.NodesVisited;
            Assert.Equal(flat.Report(query, bias), hits.Ids.ToArray());
        }

        // Points and comparisons: from about 65 on the sphere to about 270 on a lattice were measured.
        Assert.InRange(touched / 40, 32, 500);
    }

    [Fact]
    public void A_cube_peels_corner_by_corner()
    {
        float[] cube = [.. Enumerable.Range(0, 27).SelectMany(i => new[] { (float)(i % 3), i / 3 % 3, i / 9 })];
        using SpaceLayers layers = new(PointSet.From(cube, 3));
        Assert.Equal(27, layers.Report([1, 1, 1], 0).Length);
        Assert.Equal([26], layers.Report([1, 1, 1], 6));
        Assert.Equal([17, 23, 25, 26], layers.Report([1, 1, 1], 5));
    }

    [Fact]
    public void Deep_half_spaces_are_the_trees()
    {
        PointSet set = PointSet.From(CellTreeTests.Gaussian(20_000, 3, 12), 3);
        using SpaceLayers layers = new(set);
        using FlatIndex flat = new(set);
        Assert.Equal(SpaceLayers.MaxLayers, layers.LayerCount);
        foreach (float bias in new[] { -3f, -0.5f, 0, 0.5f, 1 })
            Assert.Equal(flat.Report([0.3f, -0.5f, 0.8f], bias), layers.Report([0.3f, -0.5f, 0.8f], bias));
    }

    [Fact]
    public void Only_space_is_taken()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => new SpaceLayers(PointSet.From(new float[6], 2)));
        Assert.Contains("3 coordinates", error.Message, StringComparison.Ordinal);
    }
}
