using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

/// <summary>Many positions at once attend sparsely: near to dense attention as a whole, within their certificates where they have some, and as far off as they
/// estimate where they have none.</summary>
public sealed class SampledTileTests
{
    private const int Tokens = 2400, Rows = 37, First = Tokens - Rows;

    // The oracle's rows, of which the tiers and policies are compared with the same ones.
    private static readonly Lazy<(Case Data, double[][] Rows)[]> Expected = new(() =>
        [.. ((IEnumerable<Case>)[.. Case.Adversarial(Tokens), Case.Clustered(64, 3, Tokens, seed: 3), Case.Random(80, 3, Tokens, seed: 4),
            Case.Random(24, 5, Tokens, seed: 5), Case.Integers(64, 1, Tokens, seed: 6)])
            .Select(data => (data, Enumerable.Range(0, Rows * data.Group).Select(r => data.Oracle(First + (r / data.Group), r % data.Group)).ToArray()))]);

    public static TheoryData<SimdTier> Tiers => Case.Tiers;

    [Theory, MemberData(nameof(Tiers))]
    public void Rows_are_within_their_certificates(SimdTier tier)
    {
        foreach ((Case data, double[][] expected) in Expected.Value)
        {
            double rounding = DenseTests.Tolerance(data.Name) * data.ValueSize();
            foreach (AttentionPolicy policy in (AttentionPolicy[])[new AttentionPolicy.Fixed(0.5f),
                new AttentionPolicy.Fixed(1e6f), new AttentionPolicy.Fixed(-1e6f), new AttentionPolicy.Budget(50)])
            {
                AttentionOptions options = new() { Policy = policy, PromptFrom = 0 };
                float[] output = Attend(data, options, tier, out AttentionCounters counters);
                Assert.Equal((Rows * data.Group, 0), (counters.Rows, counters.RowsSampled));
                double certified = counters.CertificateWorst;
                for (int r = 0; r < Rows * data.Group; r++)
                {
                    float[] own = output[(r * data.Dim)..((r + 1) * data.Dim)];
                    double off = Reference.Distance(own, expected[r]), norm = Reference.Norm(Array.ConvertAll(own, x => (double)x));
                    Assert.True(off <= (certified * norm) + rounding, $"{data.Name}, {policy}, row {r}: off by {off} of {norm}, certified {certified}");
                }
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Sampled_rows_are_as_far_off_as_they_estimate(SimdTier tier)
    {
        int sampled = 0;
        foreach ((Case data, double[][] expected) in Expected.Value)
        {
            AttentionOptions options = new() { PromptFrom = 0 };
            float[] output = Attend(data, options, tier, out AttentionCounters counters);
            Assert.Equal(Rows * data.Group, counters.Rows);
            Assert.Equal(0, counters.Certificate);
            double rounding = DenseTests.Tolerance(data.Name) * data.ValueSize(), off = 0, most = 0, norms = 0;
            for (int r = 0; r < expected.Length; r++)
            {
                double[] own = Array.ConvertAll(output[(r * data.Dim)..((r + 1) * data.Dim)], x => (double)x);
                Assert.All(own, x => Assert.True(double.IsFinite(x), data.Name));
                off += Reference.Distance(output.AsSpan(r * data.Dim, data.Dim), expected[r]);
                norms += Reference.Norm(own);
                most = Math.Max(most, Reference.Norm(own));
            }
            // An output is a mean of values, whatever was drawn.
            Assert.True(most <= (data.ValueSize() * Math.Sqrt(data.Dim) * (1 + 1e-5)) + rounding, $"{data.Name}: a row of {most}");
            Assert.True(off <= (((3 * counters.EstimateMean) + 3e-5) * norms) + (rounding * expected.Length),
                $"{data.Name}: off by {off / norms} of {norms / expected.Length}, estimated {counters.EstimateMean}");
            sampled += counters.RowsSampled > 0 ? 1 : 0;
        }
        Assert.InRange(sampled, 4, Expected.Value.Length);
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Golden_rows_are_near_to_dense(SimdTier tier)
    {
        foreach (int layer in Golden.Layers)
        {
            Golden golden = Golden.Layer(layer);
            AttentionOptions options = new() { PromptFrom = 0 };
            using KeyValueCache cache = Contexts.Sparse(golden.Keys, golden.Values, Golden.Dim, Golden.Tokens - Golden.Rows, options);
            Contexts.Grow(cache, golden.Keys, golden.Values, Golden.Dim, Golden.Rows);
            float[] queries = new float[Golden.Rows * Golden.Heads * Golden.Dim];
            for (int r = 0; r < Golden.Rows; r++)
                for (int h = 0; h < Golden.Heads; h++)
                    golden.Queries.AsSpan(((h * Golden.Rows) + r) * Golden.Dim, Golden.Dim).CopyTo(queries.AsSpan(((r * Golden.Heads) + h) * Golden.Dim));
            using AttentionScratch scratch = new();
            float[] output = new HeadAttention(options, tier).Attend(
                cache[0, 0], queries, Golden.Heads, Golden.Rows, Golden.Tokens - Golden.Rows, scratch);
            double sum = 0;
            for (int r = 0; r < Golden.Rows * Golden.Heads; r++)
            {
                int at = (((r % Golden.Heads) * Golden.Rows) + (r / Golden.Heads)) * Golden.Dim;
                double[] expected = Array.ConvertAll(golden.Softmax[at..(at + Golden.Dim)], x => (double)x);
                sum += Reference.Distance(output.AsSpan(r * Golden.Dim, Golden.Dim), expected) / Reference.Norm(expected);
            }
            double off = sum / (Golden.Rows * Golden.Heads);
            // Layer 0 is diffuse, and its outputs are small beside its values.
            Assert.InRange(off, 0, layer == 0 ? 0.12 : 0.05);
            Assert.InRange(scratch.Counters.EstimateMean, 0.7 * off, 2 * off);
            Assert.Equal((0, Golden.Rows * Golden.Heads), (scratch.Counters.RowsDense, scratch.Counters.RowsSampled));
            Assert.InRange(scratch.Counters.KeysPerHead, 500, 1200);
        }
    }

    [Fact]
    public void A_sample_is_right_on_average()
    {
        // The same rows at many positions, each of which draws another sample of the same past.
        const int Past = 2400, Tiles = 48;
        Case data = Case.Clustered(32, 1, Past + (Tiles * 16), seed: 9);
        AttentionOptions options = new() { PromptFrom = 0, Window = 1 };
        double[] sum = new double[data.Dim], single = new double[Tiles];
        float[] queries = data.Rows(Past, 16).ToArray();
        double[]? expected = null;
        for (int t = 0; t < Tiles; t++)
        {
            using KeyValueCache cache = Contexts.Sparse(data.Keys, data.Values, data.Dim, Past, options);
            // What is not indexed weighs nothing: only the sample differs.
            int first = Past + (t * 16);
            for (int i = Past; i < first + 16; i++)
            {
                data.Keys.AsSpan(i * data.Dim, data.Dim).Clear();
                data.Values.AsSpan(i * data.Dim, data.Dim).Clear();
            }
            Contexts.Grow(cache, data.Keys, data.Values, data.Dim, first + 16 - Past);
            using AttentionScratch scratch = new();
            float[] output = new HeadAttention(options).Attend(cache[0, 0], queries, 1, 16, first, scratch);
            Assert.Equal(16, scratch.Counters.RowsSampled);
            // The oracle's row at this position: the same but for the keys of zeros.
            double[] dense = DenseRow(data, queries.AsSpan(0, data.Dim), first + 1);
            expected ??= new double[data.Dim];
            for (int c = 0; c < data.Dim; c++)
            {
                sum[c] += output[c] - dense[c];
                expected[c] += dense[c];
            }
            single[t] = Reference.Distance(output.AsSpan(0, data.Dim), dense) / Reference.Norm(dense);
        }
        double one = single.Average(), mean = Reference.Norm(sum) / Reference.Norm(expected!);
        // Independent errors would shrink by the root of 48.
        Assert.True(mean < one / 3, $"off by {one} each, {mean} on average");
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Thresholds_are_as_a_scan_would_set_them(SimdTier tier)
    {
        Case data = Case.Clustered(64, 2, Tokens, seed: 7);
        AttentionOptions options = new() { Sinks = 0 };
        using KeyValueCache cache = Cache(data, options);
        int indexed = Contexts.Indexed(First + 1, options);
        foreach (int position in (int[])[First, First + 9, Tokens - 1])
        {
            long[] keys = new long[2];
            foreach (ScoreSource source in Enum.GetValues<ScoreSource>())
            {
                using AttentionScratch scratch = new();
                HeadAttention attention = new(options with { Policy = new AttentionPolicy.Paper(0.3), Scores = source }, tier);
                attention.Attend(cache[0, 0], data.Rows(position, 1), 2, 1, position, scratch);
                keys[(int)source] = (scratch.Counters.KeysAttended / 2) - (position + 1 - indexed);
            }
            Assert.InRange(keys[0], (0.85 * keys[1]) - 3, (1.15 * keys[1]) + 3);
        }
    }

    [Fact]
    public void A_rewound_index_draws_the_same_keys()
    {
        Case data = Case.Clustered(64, 2, Tokens, seed: 8);
        AttentionOptions options = new() { PromptFrom = 0 };
        using KeyValueCache whole = Cache(data, options), again = Cache(data, options);
        Contexts.Grow(again, data.Keys, data.Values, data.Dim, 0);
        again.Rewind(First);
        Contexts.Append(again, data.Keys, data.Values, data.Dim, Rows);
        HeadAttention attention = new(options);
        using AttentionScratch a = new(), b = new();
        float[] expected = attention.Attend(whole[0, 0], data.Rows(First, Rows), 2, Rows, First, a);
        float[] output = attention.Attend(again[0, 0], data.Rows(First, Rows), 2, Rows, First, b);
        Assert.Equal(a.Counters.KeysAttended, b.Counters.KeysAttended);
        for (int i = 0; i < output.Length; i++) Assert.Equal(expected[i], output[i], 1e-4f);
    }

    // All rows' positions have been appended after the index took in what is before them.
    private static KeyValueCache Cache(Case data, AttentionOptions options)
    {
        KeyValueCache cache = Contexts.Sparse(data.Keys, data.Values, data.Dim, First, options);
        Contexts.Grow(cache, data.Keys, data.Values, data.Dim, Rows);
        return cache;
    }

    private static float[] Attend(Case data, AttentionOptions options, SimdTier tier, out AttentionCounters counters)
    {
        using KeyValueCache cache = Cache(data, options);
        using AttentionScratch scratch = new();
        float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(First, Rows), data.Group, Rows, First, scratch);
        counters = scratch.Counters;
        return output;
    }

    private static double[] DenseRow(Case data, ReadOnlySpan<float> query, int visible)
    {
        double[] output = new double[data.Dim], scores = new double[visible];
        for (int i = 0; i < visible; i++)
            for (int c = 0; c < data.Dim; c++) scores[i] += query[c] * (double)(float)data.Keys[(i * data.Dim) + c] / Math.Sqrt(data.Dim);
        double max = scores.Max(), whole = scores.Sum(s => Math.Exp(s - max));
        for (int i = 0; i < visible; i++)
            for (int c = 0; c < data.Dim; c++) output[c] += Math.Exp(scores[i] - max) / whole * (double)(float)data.Values[(i * data.Dim) + c];
        return output;
    }
}
