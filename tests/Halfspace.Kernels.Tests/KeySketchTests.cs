using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels.Tests;

public sealed class KeySketchTests
{
    private const int Lanes = AttentionKernels.SketchKeys;

    public static TheoryData<SimdTier> All => Tiers.All;

    [Theory, MemberData(nameof(All))]
    public void A_sketch_is_as_near_as_it_says(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int dim in Tiers.Dims)
        {
            SketchRotation rotation = new(dim, 1);
            foreach ((string name, float[] keys) in Keys(dim))
            {
                byte[] block = Block(kernels, rotation, keys, dim, out bool fits);
                Assert.True(fits, $"{name}, d = {dim}");
                for (int i = 0; i < Lanes; i++)
                {
                    double[] y = Rotated(rotation, keys.AsSpan(i * dim, dim)), decoded = Decode(block, rotation.Padded, i + 5);
                    double off = Math.Sqrt(y.Zip(decoded, (a, b) => (a - b) * (a - b)).Sum());
                    Assert.True(off <= KeyBlocks.Residual(block, rotation.Padded, i + 5), $"{name}, d = {dim}, key {i}: {off}");
                    Assert.Equal(70_000 + i, KeyBlocks.Position(block, rotation.Padded, i + 5));
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void A_sketch_of_a_normal_key_is_near(SimdTier tier)
    {
        SketchRotation rotation = new(64, 1);
        float[] keys = Normal(64 * Lanes, seed: 3);
        byte[] block = Block(AttentionKernels.For(tier), rotation, keys, 64, out _);
        for (int i = 0; i < Lanes; i++)
        {
            double norm = Math.Sqrt(keys.AsSpan(i * 64, 64).ToArray().Sum(k => (double)k * k));
            Assert.InRange(KeyBlocks.Residual(block, 64, i + 5) / norm, 0.03, 0.16);
        }
    }

    [Fact]
    public void A_key_that_float16_has_no_step_for_is_refused()
    {
        float[] keys = new float[64 * Lanes];
        keys[0] = 1e9f;
        Block(AttentionKernels.For(Simd.Selected), new SketchRotation(64, 1), keys, 64, out bool fits);
        Assert.False(fits);
    }

    [Theory, MemberData(nameof(All))]
    public void Scores_are_those_of_the_decoded_sketches_and_within_the_bound_of_the_keys_own(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        SketchKernel sketches = SketchKernel.For(tier);
        foreach (int dim in Tiers.Dims)
        {
            SketchRotation rotation = new(dim, 7);
            int padded = rotation.Padded;
            foreach ((string name, float[] keys) in Keys(dim))
            {
                byte[] block = Block(kernels, rotation, keys, dim, out _);
                double size = Enumerable.Range(0, Lanes).Max(i => Norm(keys.AsSpan(i * dim, dim)));
                for (int rows = 1; rows <= SketchQueries.Max; rows += 1 + (rows / 4))
                {
                    float[] queries = Normal(rows * dim, seed: rows);
                    if (rows == 2) queries.AsSpan(0, dim).Fill(1);
                    SketchQueries pass = new();
                    pass.Clear(padded);
                    Assert.True(pass.TryAddRows(queries, rows, rotation, kernels, new float[2 * Lanes * padded]));
                    float[] scores = new float[rows * 64];
                    sketches.ScoreKeys(block, pass, scores, 64);
                    for (int r = 0; r < rows; r++)
                    {
                        for (int i = 0; i < Lanes; i++)
                        {
                            double exact = 0;
                            for (int c = 0; c < dim; c++) exact += (double)queries[(r * dim) + c] * keys[(i * dim) + c];
                            double bound = pass.ErrorBound(r, KeyBlocks.Residual(block, padded, i + 5), size);
                            Assert.True(
                                Math.Abs(scores[(r * 64) + i + 5] - exact) <= bound, $"{name}, d = {dim}, query {r}, key {i}: {exact}, ±{bound}");
                        }
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void A_bound_of_a_key_is_not_below_its_score(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        SketchKernel sketches = SketchKernel.For(tier);
        foreach (int dim in Tiers.Dims)
        {
            SketchRotation rotation = new(dim, 7);
            int padded = rotation.Padded;
            foreach ((string name, float[] keys) in Keys(dim))
            {
                byte[] block = Block(kernels, rotation, keys, dim, out _);
                double size = Enumerable.Range(0, Lanes).Max(i => Norm(keys.AsSpan(i * dim, dim)) + KeyBlocks.Residual(block, padded, i + 5));
                float[] queries = Normal(5 * dim, seed: dim);
                // What a sketch leaves out may point the query's way.
                keys.AsSpan(0, dim).CopyTo(queries);
                queries.AsSpan(0, dim).Fill(queries[0] == 0 ? 1 : queries[0]);
                SketchQueries pass = new();
                pass.Clear(padded);
                if (!pass.TryAddRows(queries, 5, rotation, kernels, new float[2 * Lanes * padded])) continue;
                float[] uppers = new float[5 * 64], scores = new float[5 * 64];
                sketches.BoundKeys(block, pass, uppers, 64);
                sketches.ScoreKeys(block, pass, scores, 64);
                for (int r = 0; r < 5; r++)
                {
                    for (int i = 0; i < Lanes; i++)
                    {
                        double exact = 0, residual = KeyBlocks.Residual(block, padded, i + 5);
                        for (int c = 0; c < dim; c++) exact += (double)queries[(r * dim) + c] * keys[(i * dim) + c];
                        double upper = uppers[(r * 64) + i + 5] + pass.ErrorBound(r, 0, size);
                        Assert.True(upper >= exact, $"{name}, d = {dim}, query {r}, key {i}: {upper} below {exact}");
                        // It is the score and the residual, and no more.
                        double expected = scores[(r * 64) + i + 5] + (pass.Norm(r) * residual);
                        Assert.Equal(expected, uppers[(r * 64) + i + 5], 1e-5 * (pass.Norm(r) * size));
                    }
                }
            }
        }
    }

    [Fact]
    public void Every_tier_gives_the_same_sketches_and_scores()
    {
        SketchRotation rotation = new(64, 1);
        float[] keys = Normal(64 * Lanes, seed: 5), queries = Normal(64 * 3, seed: 6);
        byte[]? first = null;
        float[]? scored = null;
        foreach (SimdTier tier in Simd.Available)
        {
            AttentionKernels kernels = AttentionKernels.For(tier);
            byte[] block = Block(kernels, rotation, keys, 64, out _);
            SketchQueries pass = new();
            pass.Clear(64);
            pass.TryAddRows(queries, 3, rotation, kernels, new float[2 * Lanes * 64]);
            float[] scores = new float[3 * 64];
            SketchKernel.For(tier).ScoreKeys(block, pass, scores, 64);
            Assert.Equal(first ??= block, block);
            Assert.Equal(scored ??= scores, scores);
        }
    }

    [Fact]
    public void Queries_too_large_or_too_small_for_a_bound_are_refused()
    {
        SketchRotation rotation = new(64, 1);
        AttentionKernels kernels = AttentionKernels.For(Simd.Selected);
        foreach (float size in (float[])[1e20f, 1e-30f])
        {
            SketchQueries pass = new();
            pass.Clear(64);
            Assert.False(pass.TryAddRows(Enumerable.Repeat(size, 64).ToArray(), 1, rotation, kernels, new float[2 * Lanes * 64]));
            Assert.Equal(0, pass.Count);
        }
    }

    // What sketches are bad at: one coordinate, equal ones, zeros, subnormals, the smallest and the largest of float16.
    private static IEnumerable<(string Name, float[] Keys)> Keys(int dim)
    {
        yield return ("normal", Normal(dim * Lanes, seed: dim));
        yield return ("one coordinate", Fill(dim, (i, c) => c == i % dim ? 3 : 0));
        yield return ("equal", Fill(dim, (_, _) => 0.7f));
        yield return ("zero", Fill(dim, (i, _) => i % 2 == 0 ? 0f : -0f));
        yield return ("subnormal", Fill(dim, (i, c) => (i + 1) * c * 1e-40f));
        yield return ("tiny", Fill(dim, (i, c) => (c % 3 - 1) * (i + 1) * 1e-8f));
        yield return ("largest", Fill(dim, (i, c) => (i * c) % 3 == 0 ? 65504 : -65504));
    }

    private static float[] Fill(int dim, Func<int, int, float> entry) =>
        [.. Enumerable.Range(0, dim * Lanes).Select(j => entry(j / dim, j % dim))];

    private static float[] Normal(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
            (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }

    private static double Norm(ReadOnlySpan<float> row)
    {
        double sum = 0;
        foreach (float x in row) sum += (double)x * x;
        return Math.Sqrt(sum);
    }

    // 16 keys in slots 5 to 20.
    private static byte[] Block(AttentionKernels kernels, SketchRotation rotation, float[] keys, int dim, out bool fits)
    {
        float[] columns = new float[rotation.Padded * Lanes];
        for (int i = 0; i < Lanes; i++)
            for (int c = 0; c < dim; c++) columns[(c * Lanes) + i] = keys[(i * dim) + c];
        byte[] block = new byte[KeyBlocks.Bytes(rotation.Padded)];
        fits = kernels.Sketch(columns, rotation, [.. Enumerable.Range(70_000, Lanes)], block, 5);
        return block;
    }

    private static double[] Rotated(SketchRotation rotation, ReadOnlySpan<float> key)
    {
        double[] y = new double[rotation.Padded];
        for (int c = 0; c < key.Length; c++) y[c] = key[c];
        rotation.Apply(y);
        return y;
    }

    // Straight from the layout's description.
    private static double[] Decode(byte[] block, int padded, int slot)
    {
        double step = (double)BitConverter.ToHalf(block, (padded * 32) + (slot * 2));
        double[] y = new double[padded];
        for (int c = 0; c < padded; c++)
        {
            int pair = block[(c / 8 * 256) + (slot * 4) + (c % 4)];
            y[c] = step * ((c % 8 < 4 ? pair & 15 : pair >> 4) - 7.5);
        }
        return y;
    }
}
