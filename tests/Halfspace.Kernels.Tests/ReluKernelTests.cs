namespace Halfspace.Kernels.Tests;

public sealed class ReluKernelTests
{
    private static readonly int[] Counts = [0, 1, 3, 7, 8, 15, 16, 17, 33, 64, 100, 257];

    public static TheoryData<SimdTier> All => Tiers.All;

    [Theory, MemberData(nameof(All))]
    public void Weights_are_powers_of_what_is_above_the_bias(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int count in Counts)
        {
            float[] scores = Data.Integers(count, seed: count);
            // A bias that some scores equal, one that none reaches, and one below all.
            foreach (float bias in (float[])[2, 9, -9])
            {
                for (int power = 1; power <= AttentionKernels.MaxPower; power++)
                {
                    float[] expected = Array.ConvertAll(scores, s => MathF.Pow(Math.Max(s - bias, 0), power));
                    float[] weights = new float[count + 2];
                    float sum = 5;
                    Assert.Equal(scores.Count(s => s > bias), kernels.ReluWeights(scores, bias, power, weights, ref sum));
                    Assert.Equal(expected, weights[..count]);
                    Assert.Equal([0, 0], weights[count..]);
                    Assert.Equal(5 + expected.Sum(), sum);
                    float[] own = [.. scores];
                    kernels.ReluWeights(own, bias, power, own, ref sum);
                    Assert.Equal(expected, own);
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void A_sum_has_the_same_bits_whatever_lies_between_and_however_it_is_cut(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        float[] scores = Data.Floats(1000, seed: 1), above = [.. scores.Where(s => s > 0.3f)], weights = new float[1000];
        float whole = 0, cut = 0, listed = 0;
        int used = kernels.ReluWeights(scores, 0.3f, 2, weights, ref whole);
        for (int first = 0; first < 1000; first += 61)
            kernels.ReluWeights(scores.AsSpan(first, Math.Min(61, 1000 - first)), 0.3f, 2, weights, ref cut);
        Assert.Equal(used, kernels.ReluWeights(above, 0.3f, 2, weights, ref listed));
        Assert.Equal(whole, cut);
        Assert.Equal(whole, listed);
    }

    [Theory, MemberData(nameof(All))]
    public void Columns_have_biases_and_sums_of_their_own(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        const int Rows = 9;
        foreach (int registers in (int[])[1, 2, 5])
        {
            int columns = registers * kernels.Width, stride = columns + 3;
            float[] plain = Data.Integers(Rows * stride, seed: registers), bias = Data.Integers(columns, seed: 3);
            // No key of this column is used.
            bias[^1] = float.PositiveInfinity;
            for (int power = 1; power <= AttentionKernels.MaxPower; power++)
            {
                float[] scores = [.. plain], sum = Enumerable.Repeat(1f, columns).ToArray();
                int used = kernels.ReluStep(scores, stride, Rows, bias, power, sum), expected = 0;
                for (int c = 0; c < columns; c++)
                {
                    float total = 1;
                    for (int r = 0; r < Rows; r++)
                    {
                        float weight = MathF.Pow(Math.Max(plain[(r * stride) + c] - bias[c], 0), power);
                        Assert.Equal(weight, scores[(r * stride) + c]);
                        total += weight;
                        expected += plain[(r * stride) + c] > bias[c] ? 1 : 0;
                    }
                    Assert.Equal(total, sum[c]);
                }
                Assert.Equal(expected, used);
                for (int i = 0; i < scores.Length; i++)
                    if (i % stride >= columns) Assert.Equal(plain[i], scores[i]);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Scores_and_sums_have_the_same_bits_whatever_is_taken_with_them(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int dim in Tiers.Dims)
        {
            const int Keys = 23;
            Half[] keys = Data.Halves(Data.Floats(Keys * dim, seed: dim));
            for (int rows = 1; rows <= 5; rows++)
            {
                float[] queries = Data.Floats(rows * dim, seed: rows), scores = new float[rows * Keys], one = new float[rows];
                kernels.Scores(queries, rows, keys, dim, scores, Keys);
                float[] whole = new float[rows * dim], parts = new float[rows * dim];
                kernels.AddValues(scores, Keys, rows, keys, dim, whole);
                for (int i = 0; i < Keys; i++)
                {
                    ReadOnlySpan<Half> key = keys.AsSpan(i * dim, dim);
                    kernels.Scores(queries, rows, key, dim, one, 1);
                    for (int r = 0; r < rows; r++) Assert.Equal(scores[(r * Keys) + i], one[r]);
                    kernels.AddValues(one, 1, rows, key, dim, parts);
                }
                Assert.Equal(whole, parts);
            }
        }
    }

    [Fact]
    public void Shapes_and_powers_are_checked()
    {
        AttentionKernels kernels = AttentionKernels.For(SimdTier.Scalar);
        float sum = 0;
        Assert.Throws<ArgumentException>(() => kernels.ReluWeights(new float[2], 0, 0, new float[2], ref sum));
        Assert.Throws<ArgumentException>(() => kernels.ReluWeights(new float[2], 0, 4, new float[2], ref sum));
        Assert.Throws<ArgumentException>(() => kernels.ReluWeights(new float[2], 0, 1, new float[1], ref sum));
        Assert.Throws<ArgumentException>(() => kernels.ReluStep(new float[4], 2, 2, new float[2], 1, new float[3]));
        Assert.Throws<ArgumentException>(() => kernels.ReluStep(new float[3], 2, 2, new float[2], 1, new float[2]));
    }
}
