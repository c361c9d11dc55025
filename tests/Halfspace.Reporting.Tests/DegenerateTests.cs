namespace Halfspace.Reporting.Tests;

/// <summary>Sets without general position, extreme sizes, and input that is refused.</summary>
public sealed class DegenerateTests
{
    public static TheoryData<string, int> Names() => Structures.Names();

    [Theory, MemberData(nameof(Names))]
    public void No_points_report_nothing(string name, int dimension)
    {
        using HalfspaceIndex index = Structures.Build(name, PointSet.From(Array.Empty<float>(), dimension));
        float[] query = new float[dimension];
        Assert.Empty(index.Report(query, float.NegativeInfinity));
        query[0] = 1;
        Assert.Empty(index.Report(query, -1));
        Assert.Empty(index.Top(query, 5));
    }

    [Theory, MemberData(nameof(Names))]
    public void One_point_is_reported_at_its_own_score(string name, int dimension)
    {
        float[] point = [.. Enumerable.Range(1, dimension).Select(i => (float)i)], query = [.. point];
        float score = point.Sum(x => x * x);
        using HalfspaceIndex index = Structures.Build(name, PointSet.From(point, dimension));
        Assert.Equal([0], index.Report(query, score));
        Assert.Empty(index.Report(query, MathF.BitIncrement(score)));
        Assert.Equal([0], index.Top(query, 3));
    }

    [Theory, MemberData(nameof(Names))]
    public void Equal_points_are_reported_together(string name, int dimension)
    {
        float[] points = [.. Enumerable.Repeat(0.1f, 500 * dimension)];
        using HalfspaceIndex index = Structures.Build(name, PointSet.From(points, dimension));
        float[] query = new float[dimension];
        query[0] = 1;
        Assert.Equal(500, index.Report(query, 0.1f).Length);
        Assert.Empty(index.Report(query, MathF.BitIncrement(0.1f)));
        Assert.Equal([0, 1, 2], index.Top(query, 3));
    }

    [Theory, MemberData(nameof(Names))]
    public void Points_on_a_line_and_on_the_bounding_line(string name, int dimension)
    {
        // Collinear: point i is i in every coordinate. The query's bounding plane holds all of them where its coordinates sum to 0.
        float[] points = [.. Enumerable.Range(0, 400).SelectMany(i => Enumerable.Repeat((float)(i - 200), dimension))];
        using HalfspaceIndex index = Structures.Build(name, PointSet.From(points, dimension));
        float[] along = [.. Enumerable.Repeat(1f, dimension)];
        Assert.Equal(Enumerable.Range(300, 100), index.Report(along, 100f * dimension));
        if (dimension == 1) return;
        float[] across = new float[dimension];
        (across[0], across[1]) = (1, -1);
        Assert.Equal(400, index.Report(across, 0).Length);
        Assert.Empty(index.Report(across, float.Epsilon));
    }

    [Theory, MemberData(nameof(Names))]
    public void Points_on_a_circle(string name, int dimension)
    {
        // Whole-number points of a circle about the origin, many times over: 3-4-5 and its likes, radius 65.
        List<float> points = [];
        for (int copy = 0; copy < 3; copy++)
            for (int x = -65; x <= 65; x++)
                for (int y = -65; y <= 65; y++)
                    if ((x * x) + (y * y) == 65 * 65)
                        for (int j = 0; j < dimension; j++) points.Add(j == 0 ? x : j == 1 ? y : 0);
        float[] all = [.. points];
        using HalfspaceIndex index = Structures.Build(name, PointSet.From(all, dimension));
        foreach ((int a, int b) in new[] { (1, 0), (3, 4), (-63, 16), (5, -12), (0, -1) })
        {
            float[] query = new float[dimension];
            query[0] = a;
            if (dimension > 1) query[1] = b;
            foreach (float bias in new[] { -65f, 0, 33, 65 * MathF.Sqrt((a * a) + (b * b)) })
                Assert.Equal(Oracle.Report(all, query, bias), index.Report(query, bias));
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Infinite_bias_and_zero_query(string name, int dimension)
    {
        float[] points = [.. Enumerable.Range(0, 30 * dimension).Select(i => (float)(i % 7))];
        using HalfspaceIndex index = Structures.Build(name, PointSet.From(points, dimension));
        float[] query = [.. Enumerable.Repeat(1f, dimension)], zero = new float[dimension];
        Assert.Equal(30, index.Report(query, float.NegativeInfinity).Length);
        Assert.Empty(index.Report(query, float.PositiveInfinity));
        Assert.Equal(30, index.Report(query, float.MinValue).Length);
        Assert.Empty(index.Report(query, float.MaxValue));
        Assert.Equal(30, index.Report(zero, 0).Length);
        Assert.Empty(index.Report(zero, float.Epsilon));
    }

    [Theory, MemberData(nameof(Names))]
    public void Norms_from_tiny_to_huge(string name, int dimension)
    {
        float[] points = new float[61 * dimension];
        for (int i = 0; i < 61; i++) points.AsSpan(i * dimension, dimension).Fill((i % 2 == 0 ? 1 : -1) * MathF.Pow(10, i - 30));
        using HalfspaceIndex index = Structures.Build(name, PointSet.From(points, dimension));
        foreach (int power in new[] { -30, -20, 0, 20, 30 })
        {
            float[] query = new float[dimension];
            query[0] = MathF.Pow(10, power);
            foreach (int at in new[] { 0, 1, 30, 31, 60 })
            {
                // Both factors are floats, so their product in double is the score.
                float bias = (float)((double)query[0] * points[at * dimension]);
                if (!float.IsFinite(bias)) continue;
                Assert.Equal(Enumerable.Range(0, 61).Where(i => (double)query[0] * points[i * dimension] >= bias), index.Report(query, bias));
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Queries_that_make_no_sense_are_refused(string name, int dimension)
    {
        using HalfspaceIndex index = Structures.Build(name, PointSet.From(new float[4 * dimension], dimension));
        float[] query = [.. Enumerable.Repeat(1f, dimension)];
        HitList hits = new();
        Assert.Contains("bias is NaN", Assert.Throws<ArgumentException>(() => index.Report(query, float.NaN, hits)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => index.Report(new float[dimension + 1], 0, hits));
        query[dimension - 1] = float.NaN;
        Assert.Contains($"coordinate {dimension - 1}", Assert.Throws<ArgumentException>(() => index.Report(query, 0, hits)).Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(float.NaN), InlineData(float.PositiveInfinity), InlineData(float.NegativeInfinity)]
    public void Points_that_are_not_finite_are_refused_with_their_row(float bad)
    {
        float[] points = new float[12];
        points[7] = bad;
        ArgumentException error = Assert.Throws<ArgumentException>(() => PointSet.From(points, 3));
        Assert.Contains("Point 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("coordinate 1", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ArgumentException>(() => PointSet.From(points.Select(x => (Half)x).ToArray(), 3));
        Assert.Contains("Point 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Points_must_be_whole()
    {
        Assert.Throws<ArgumentException>(() => PointSet.From(new float[10], 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => PointSet.From(new float[10], 0));
    }
}
