using CsCheck;

namespace Halfspace.Reporting.Tests;

public sealed class CellTreeTests
{
    private static readonly Gen<int> Seeds = Gen.Int[0, int.MaxValue - 1];

    [Theory, InlineData(2), InlineData(3), InlineData(4)]
    public void A_shallow_half_space_opens_few_leaves(int dimension)
    {
        float[] points = Gaussian(1 << 14, dimension, 5);
        PointSet set = PointSet.From(points, dimension);
        using PartitionTree tree = new(set);
        using FlatIndex flat = new(set);
        HitList hits = new();
        long scored = 0;
        for (int q = 0; q < 50; q++)
        {
            float[] query = Gaussian(1, dimension, 100 + q);
            float bias = BiasOf(flat, query, 32, points);
            scored += tree.Report(query, bias, hits).PointsScored;
            Assert.Equal(flat.Report(query, bias), hits.Ids.ToArray());
        }

        // 134, 233 and 264 of 16,384 were measured on other queries.
        Assert.InRange(scored / 50, 1, 600);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Planes_through_the_middle_open_fewer_points_than_the_crossing_bound(int dimension)
    {
        PointSet set = PointSet.From(Gaussian(1 << 13, dimension, 6), dimension);
        using PartitionTree tree = new(set);
        Assert.InRange(tree.CrossingBound, 1, set.Count - 1);
        HitList hits = new();
        Seeds.Sample(
            seed => Assert.InRange(tree.Report(Gaussian(1, dimension, seed), 0, hits).PointsScored, 0, tree.CrossingBound),
            seed: "0000CellTree1", iter: 100, threads: 1);
    }

    [Fact]
    public void On_a_line_a_plane_crosses_one_leaf()
    {
        PointSet set = PointSet.From(Enumerable.Range(0, 10_000).Select(i => (float)i).ToArray(), 1);
        using PartitionTree tree = new(set);
        HitList hits = new();
        Assert.InRange(tree.CrossingBound, 1, 16);
        for (int bias = 0; bias < 10_000; bias += 7)
        {
            Assert.InRange(tree.Report([1], bias, hits).PointsScored, 0, 16);
            Assert.Equal(10_000 - bias, hits.Count);
        }
    }

    /// <summary>Far from the origin bounds are large numbers with a small difference, where rounding would show.</summary>
    [Fact]
    public void Bounds_keep_their_rounding_in_mind() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[0, 3], Seeds).Sample((dimension, kind, seed) =>
        {
            Random random = new(seed);
            float offset = MathF.Pow(10, random.Next(-3, 7)), next = MathF.BitIncrement(offset);
            float[] points = [.. Enumerable.Range(0, 300 * dimension).Select(_ => offset + (random.Next(4) * (next - offset)))];
            PointSet set = PointSet.From(points, dimension);
            using FlatIndex flat = new(set);
            using HalfspaceIndex index = kind switch
            {
                0 => new KdTree(set),
                1 => new BallTree(set),
                2 when dimension == 2 => new ConvexLayers(set),
                2 when dimension == 3 => new SpaceLayers(set),
                _ => new PartitionTree(set),
            };
            float[] query = [.. Enumerable.Range(0, dimension).Select(_ => random.NextSingle() - 0.5f)];
            for (int i = 0; i < 5; i++)
            {
                int row = random.Next(300);
                float bias = (float)Enumerable.Range(0, dimension).Sum(j => (double)query[j] * points[(row * dimension) + j]);
                Assert.Equal(flat.Report(query, bias), index.Report(query, bias));
                Assert.Equal(flat.Report(query, MathF.BitIncrement(bias)), index.Report(query, MathF.BitIncrement(bias)));
            }
        }, seed: "0000CellTree1", iter: 500);

    [Fact]
    public void Warm_queries_allocate_nothing()
    {
        PointSet plane = PointSet.From(Gaussian(4096, 2, 1), 2), space = PointSet.From(Gaussian(4096, 3, 1), 3);
        HalfspaceIndex[] all =
        [
            new KdTree(space), new BallTree(space), new PartitionTree(space), new PartitionTree(plane),
            new ConvexLayers(plane), new SpaceLayers(space),
        ];
        HitList hits = new();
        foreach (HalfspaceIndex index in all)
        {
            float[] query = Gaussian(1, index.Dimension, 2), biases = [-1, 0, 1, 2];
            long least = long.MaxValue;

            // The first rounds grow buffers, and compiling may allocate in a later one: any quiet round will do.
            for (int round = 0; round < 6; round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                foreach (float bias in biases) index.Report(query, bias, hits);
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            Assert.Equal(0, least);
            index.Dispose();
        }
    }

    internal static float[] Gaussian(int count, int dimension, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count * dimension).Select(_ =>
            (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }

    internal static float BiasOf(FlatIndex flat, float[] query, int count, float[] points)
    {
        int dim = query.Length;
        return (float)flat.Top(query, count).Min(id => Enumerable.Range(0, dim).Sum(j => (double)query[j] * points[(id * dim) + j]));
    }
}
