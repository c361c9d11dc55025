using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels.Tests.Reporting;

public sealed class ScoreKeysTests
{
    public static TheoryData<SimdTier> All => Tiers.All;

    [Theory, MemberData(nameof(All))]
    public void Scores_are_those_of_the_decoded_codes(SimdTier tier)
    {
        foreach (int dim in SketchCases.Dims)
        {
            for (int count = 1; count <= SketchQueries.Max; count++)
            {
                SketchedKeys keys = new(Data.Floats((1 + (count * 37)) * dim, seed: count, scale: 4), dim, tier);
                double[][] rotated = [.. Enumerable.Range(0, count).Select(r => WholeNumbers(dim, seed: r))];
                SketchQueries queries = Queries([.. rotated.SelectMany(SketchedKeys.Unrotated)], keys.Rotation, tier);
                int blocks = keys.Blocks.Length / KeyBlocks.Bytes(dim), stride = (blocks * KeyBlocks.Keys) + 5;
                float[] scores = new float[count * stride];
                Array.Fill(scores, 7);
                SketchKernel.For(tier).ScoreKeys(keys.Blocks, queries, scores.AsSpan(0, (count * stride) - 5), stride);
                for (int r = 0; r < count; r++)
                {
                    for (int i = 0; i < stride; i++)
                    {
                        float score = scores[(r * stride) + i];
                        // Slots that hold no key have a step of zero.
                        double[] key = i < keys.Count ? keys.Decoded(i) : new double[dim];
                        double expected = i < blocks * KeyBlocks.Keys ? SketchedKeys.Dot(rotated[r], key) : 7;
                        double parts = rotated[r].Zip(key, (p, y) => Math.Abs(p * y)).Sum();
                        Assert.True(Math.Abs(score - expected) <= 1e-6 * parts,
                            $"{dim}, {count} queries, query {r}, slot {i}: {score} instead of {expected}");
                    }
                }
            }
        }
    }

    [Fact]
    public void Every_tier_gives_the_same_scores_to_the_bit()
    {
        foreach (int dim in SketchCases.Dims)
        {
            SketchedKeys keys = new(Data.Floats(130 * dim, seed: dim, scale: 4), dim, SimdTier.Scalar);
            foreach ((string name, float[] rows) in SketchCases.Queries(dim))
            {
                float[] expected = [];
                foreach (SimdTier tier in Simd.Available.Reverse())
                {
                    float[] scores = new float[SketchQueries.Max * 192];
                    SketchQueries queries = Queries(rows[..(SketchQueries.Max * dim)], keys.Rotation, tier);
                    SketchKernel.For(tier).ScoreKeys(keys.Blocks, queries, scores, 192);
                    if (tier == SimdTier.Scalar) expected = scores;
                    Assert.True(expected.AsSpan().SequenceEqual(scores), $"{name}, {dim}, {tier}");
                }
            }
        }
    }

    [Fact]
    public void No_query_and_no_block_are_no_work_and_shapes_are_checked()
    {
        SketchKernel kernel = SketchKernel.For();
        SketchRotation rotation = new(16, 1);
        SketchQueries queries = new();
        byte[] blocks = new byte[2 * KeyBlocks.Bytes(16)];
        queries.Clear(16);
        kernel.ScoreKeys(blocks, queries, [], 0);
        Assert.True(queries.TryAddRows(new float[32], 2, rotation, AttentionKernels.For(Simd.Selected), new float[512]));
        kernel.ScoreKeys([], queries, new float[1], 1);
        Assert.Throws<ArgumentException>(() => kernel.ScoreKeys(blocks.AsSpan(1), queries, new float[256], 128));
        Assert.Throws<ArgumentException>(() => kernel.ScoreKeys(blocks, queries, new float[256], 127));
        Assert.Throws<ArgumentException>(() => kernel.ScoreKeys(blocks, queries, new float[255], 128));
        Assert.Throws<ArgumentNullException>(() => kernel.ScoreKeys(blocks, null!, new float[256], 128));
    }

    private static SketchQueries Queries(float[] rows, SketchRotation rotation, SimdTier tier)
    {
        float[] work = new float[2 * AttentionKernels.SketchKeys * rotation.Padded];
        SketchQueries queries = new();
        queries.Clear(rotation.Padded);
        Assert.True(queries.TryAddRows(rows, rows.Length / rotation.Dimension, rotation, AttentionKernels.For(tier), work));
        return queries;
    }

    // With 127 among them and the others no larger than 60 these are their own codes, and no half-word is too heavy for them.
    private static double[] WholeNumbers(int dim, int seed)
    {
        Random random = new(seed);
        double[] p = new double[dim];
        for (int c = 0; c < dim; c++) p[c] = random.Next(-60, 61);
        p[random.Next(dim)] = seed % 2 == 0 ? 127 : -127;
        return p;
    }
}
