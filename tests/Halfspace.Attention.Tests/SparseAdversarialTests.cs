using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention.Tests;

/// <summary>Keys, values and queries made to break formulas: outputs stay numbers, and no farther from dense than they are certified to
/// be.</summary>
public sealed class SparseAdversarialTests
{
    private const int Tokens = 2200, Dim = 64;

    private static readonly AttentionPolicy[] Policies =
        [new AttentionPolicy.Budget(1), new AttentionPolicy.Budget(40), new AttentionPolicy.Mass(0.3), new AttentionPolicy.Fixed(0.5f),
            new AttentionPolicy.Paper(0.5), new AttentionPolicy.Paper(2), new AttentionPolicy.Error(0.5)];

    public static TheoryData<SimdTier, ScoreSource> TiersAndSources => PolicyTests.TiersAndSources;

    [Theory, MemberData(nameof(TiersAndSources))]
    public void Outputs_are_within_their_certificates(SimdTier tier, ScoreSource source)
    {
        foreach (Case data in Case.Adversarial(Tokens))
        {
            double[][] expected = [.. Enumerable.Range(0, 3).Select(h => data.Oracle(Tokens - 1, h))];
            double largest = data.ValueSize(), rounding = DenseTests.Tolerance(data.Name) * largest;
            // Where keys or scores are all alike, and where they are exact and of two kinds, the models miss nothing.
            bool isAlike = data.Name is "equal keys" or "equal keys and values" or "zeros of both signs" or "subnormals"
                || (data.Name == "two keys" && source == ScoreSource.Exact);
            foreach (int clusters in (int[])[1, 4, 8])
            {
                AttentionOptions options = new() { Scores = source, Clusters = clusters };
                using KeyValueCache cache = data.Sparse(options);
                foreach (AttentionPolicy policy in Policies)
                {
                    using AttentionScratch scratch = new();
                    HeadAttention attention = new(options with { Policy = policy }, tier);
                    float[] output = attention.Attend(cache[0, 0], data.Rows(Tokens - 1, 1), 3, 1, Tokens - 1, scratch);
                    double certified = scratch.Counters.CertificateWorst;
                    for (int h = 0; h < 3; h++)
                    {
                        float[] head = output[(h * Dim)..((h + 1) * Dim)];
                        double off = Reference.Distance(head, expected[h]), bound = certified * Norm(head);
                        string what = $"{data.Name}, {options with { Policy = policy }}, head {h}: off by {off}, certified {bound}";
                        Assert.True(off <= bound + rounding, what);
                        // Tails are extrapolated along s, and even so do not leave the range of the values.
                        Assert.True(head.All(x => Math.Abs(x) <= 1.001 * largest), what);
                        if (isAlike) Assert.True(off <= 1e-4 * Reference.Norm(expected[h]), what);
                    }
                }
            }
        }
    }

    [Fact]
    public void A_certificate_holds_where_a_scan_is_wrong_by_all_that_it_may_be()
    {
        // One key is large, and the query lies along what its sketch leaves out: its score is over-estimated by as much as ‖q‖ and
        // ‖residual‖ allow. A scan that believes it takes all others for nothing, though they are nearly all there is.
        Random random = new(1);
        double[] sketch = LargeKey(random, out float[] key), rotated = Rotated(key), residual = new double[Dim];
        for (int c = 0; c < Dim; c++) residual[c] = rotated[c] - sketch[c];
        double size = Reference.Norm(sketch), left = Reference.Norm(residual);
        foreach (double over in (double[])[5, 30, 100, 200, 280, 350, 1000])
        {
            // s = over − 10 by the sketch, −10 by the key.
            double[] turned = new double[Dim];
            for (int c = 0; c < Dim; c++)
                turned[c] = 8 * (((over - 10) * sketch[c] / (size * size)) - (over * residual[c] / (left * left)));
            float[] query = Unrotated(turned);
            Half[] keys = new Half[Tokens * Dim], values = new Half[Tokens * Dim];
            for (int i = 0; i < keys.Length; i++)
            {
                keys[i] = i / Dim == 1000 ? (Half)key[i % Dim] : (Half)(0.001f * (random.NextSingle() - 0.5f));
                values[i] = (Half)((i / Dim < 2100 ? -1 : 1) + (0.1f * random.NextSingle()));
            }
            Case data = Case.Random(Dim, 1, Tokens, seed: 1) with { Keys = keys, Values = values };
            query.CopyTo(data.Queries.AsSpan((Tokens - 1) * Dim));
            double[] expected = data.Oracle(Tokens - 1, 0);
            foreach (int clusters in (int[])[1, 4])
            {
                foreach (AttentionPolicy policy in (AttentionPolicy[])[new AttentionPolicy.Budget(1), new AttentionPolicy.Mass(0.1)])
                {
                    AttentionOptions options = new() { Policy = policy, Sinks = 0, Clusters = clusters };
                    using KeyValueCache cache = data.Sparse(options);
                    using AttentionScratch scratch = new();
                    float[] output = new HeadAttention(options).Attend(cache[0, 0], query, 1, 1, Tokens - 1, scratch);
                    double off = Reference.Distance(output, expected), bound = scratch.Counters.Certificate * Norm(output);
                    Assert.True(off <= bound + 1e-5, $"{over} nats, {options}: off by {off}, certified {bound}");
                }
            }
        }
    }

    private static double Norm(float[] vector) => Reference.Norm(Array.ConvertAll(vector, x => (double)x));

    // A key that float16 holds, and its sketch about zero.
    private static double[] LargeKey(Random random, out float[] key)
    {
        const int Keys = AttentionKernels.SketchKeys;
        key = [.. Enumerable.Range(0, Dim).Select(_ => (float)(Half)(200 * (random.NextSingle() - 0.5f)))];
        float[] columns = new float[Dim * Keys];
        for (int c = 0; c < Dim; c++) columns[c * Keys] = key[c];
        byte[] block = new byte[KeyBlocks.Bytes(Dim)];
        Assert.True(AttentionKernels.For(SimdTier.Scalar).Sketch(columns, new SketchRotation(Dim, 1), [0], block, 0));
        double step = (double)BitConverter.ToHalf(block, Dim * KeyBlocks.Keys / 2);
        double[] sketch = new double[Dim];
        for (int c = 0; c < Dim; c++)
        {
            int code = block[(c / 8 * 4 * KeyBlocks.Keys) + (c % 4)];
            sketch[c] = step * ((c % 8 < 4 ? code & 15 : code >> 4) - 7.5);
        }
        return sketch;
    }

    private static double[] Rotated(float[] vector)
    {
        double[] rotated = Array.ConvertAll(vector, x => (double)x);
        new SketchRotation(vector.Length, 1).Apply(rotated);
        return rotated;
    }

    private static float[] Unrotated(double[] rotated)
    {
        float[] vector = new float[rotated.Length];
        for (int c = 0; c < vector.Length; c++)
        {
            float[] unit = new float[vector.Length];
            unit[c] = 1;
            vector[c] = (float)Rotated(unit).Zip(rotated, (x, y) => x * y).Sum();
        }
        return vector;
    }
}
