using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels.Tests.Reporting;

public sealed class QueryRowsTests
{
    public static TheoryData<SimdTier> All => Tiers.All;

    [Theory, MemberData(nameof(All))]
    public void A_score_is_no_farther_from_the_dot_product_than_its_bound(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int dim in SketchCases.Dims)
        {
            float[] work = new float[2 * AttentionKernels.SketchKeys * dim], scores = new float[SketchQueries.Max * 64];
            SketchQueries queries = new();
            foreach ((string of, float[] keyRows) in SketchCases.Keys(dim))
            {
                SketchedKeys keys = new(keyRows, dim, tier);
                double[] sizes = [.. Enumerable.Range(0, keys.Count).Select(i => SketchedKeys.Norm(keys.Rotated(i)))];
                foreach ((string name, float[] rows) in SketchCases.Queries(dim))
                {
                    // All eight at once, then seven more in two calls.
                    queries.Clear(dim);
                    int used = SketchQueries.Max;
                    if (name.StartsWith("all", StringComparison.Ordinal))
                    {
                        Assert.True(queries.TryAddRows(rows.AsSpan(0, 3 * dim), 3, keys.Rotation, kernels, work));
                        Assert.True(queries.TryAddRows(rows.AsSpan(3 * dim, 4 * dim), 4, keys.Rotation, kernels, work));
                        used = 7;
                    }
                    else
                    {
                        Assert.True(queries.TryAddRows(rows.AsSpan(0, used * dim), used, keys.Rotation, kernels, work));
                    }
                    Assert.Equal(used, queries.Count);
                    SketchKernel.For(tier).ScoreKeys(keys.Blocks, queries, scores, 64);
                    for (int r = 0; r < used; r++)
                    {
                        double[] query = Array.ConvertAll(rows[(r * dim)..((r + 1) * dim)], x => (double)x);
                        Assert.True(queries.Norm(r) >= SketchedKeys.Norm(query) * (1 - 1e-7));
                        for (int i = 0; i < keys.Count; i++)
                        {
                            double exact = 0;
                            for (int c = 0; c < dim; c++) exact += query[c] * keyRows[(i * dim) + c];
                            double off = Math.Abs(scores[(r * 64) + i] - exact), bound = queries.ErrorBound(r, keys.Residual(i), sizes[i]);
                            Assert.True(off <= bound, $"keys {of}, queries {name}, {dim}, query {r}, key {i}: off by {off}, bound {bound}");
                        }
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void The_bound_is_little_more_than_the_residual_for_gaussian_vectors(SimdTier tier)
    {
        foreach (int dim in SketchCases.Dims)
        {
            SketchedKeys keys = new(SketchCases.Keys(dim).First().Rows, dim, tier);
            float[] rows = SketchCases.Queries(dim).First().Rows[..(8 * dim)];
            float[] work = new float[2 * AttentionKernels.SketchKeys * dim];
            SketchQueries queries = new();
            queries.Clear(dim);
            Assert.True(queries.TryAddRows(rows, 8, keys.Rotation, AttentionKernels.For(tier), work));
            for (int r = 0; r < 8; r++)
            {
                double norm = SketchedKeys.Norm(Array.ConvertAll(rows[(r * dim)..((r + 1) * dim)], x => (double)x));
                Assert.InRange(queries.Norm(r), norm * (1 - 1e-7), norm * (1 + 1e-4));
                for (int i = 0; i < keys.Count; i++)
                {
                    double least = norm * keys.Residual(i), size = SketchedKeys.Norm(keys.Rotated(i));
                    // The 8 bits of a query add about 0.5 % of both norms.
                    Assert.InRange(queries.ErrorBound(r, keys.Residual(i), size), least, (1.01 * least) + (0.015 * norm * size));
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Queries_too_large_or_too_small_are_refused_and_none_is_added(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        SketchRotation rotation = new(64, 5);
        SketchQueries queries = new();
        queries.Clear(64);
        float[] work = new float[2 * AttentionKernels.SketchKeys * 64], rows = Data.Floats(3 * 64, seed: 1);
        Assert.True(queries.TryAddRows(rows.AsSpan(0, 64), 1, rotation, kernels, work));
        foreach (float size in (float[])[1e20f, 3e38f, 1e-20f, 1e-44f])
        {
            for (int bad = 0; bad < 3; bad++)
            {
                float[] some = [.. rows];
                for (int c = 0; c < 64; c++) some[(bad * 64) + c] = c % 2 == 0 ? size : -size;
                Assert.False(queries.TryAddRows(some, 3, rotation, kernels, work));
                Assert.Equal(1, queries.Count);
            }
        }
        Assert.True(queries.TryAddRows(rows, 3, rotation, kernels, work));
        Assert.Equal(4, queries.Count);
    }

    [Fact]
    public void Rows_that_do_not_fit_are_refused()
    {
        AttentionKernels kernels = AttentionKernels.For(Simd.Selected);
        SketchRotation rotation = new(16, 1), other = new(24, 1);
        SketchQueries queries = new();
        queries.Clear(16);
        Assert.Throws<ArgumentException>(() => queries.TryAddRows(new float[17], 1, rotation, kernels, new float[512]));
        Assert.Throws<ArgumentException>(() => queries.TryAddRows(new float[24], 1, other, kernels, new float[768]));
        Assert.Throws<ArgumentException>(() => queries.TryAddRows(new float[16], 1, rotation, kernels, new float[511]));
        Assert.Throws<ArgumentException>(() => queries.TryAddRows(new float[9 * 16], 9, rotation, kernels, new float[512]));
        Assert.Throws<ArgumentNullException>(() => queries.TryAddRows(new float[16], 1, null!, kernels, new float[512]));
    }
}
