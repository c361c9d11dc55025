using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

/// <summary>Many positions at once attend sparsely: near to dense attention, and within their certificates.</summary>
public sealed class SparseTileTests
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
            foreach (AttentionPolicy policy in (AttentionPolicy[])[new AttentionPolicy.Paper(0.5), new AttentionPolicy.Fixed(0.5f),
                new AttentionPolicy.Fixed(1e6f), new AttentionPolicy.Fixed(-1e6f), new AttentionPolicy.Budget(50)])
            {
                AttentionOptions options = new() { Policy = policy, PromptFrom = 0 };
                using KeyValueCache cache = Cache(data, options);
                using AttentionScratch scratch = new();
                float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(First, Rows), data.Group, Rows, First, scratch);
                Assert.Equal(Rows * data.Group, scratch.Counters.Rows);
                double certified = scratch.Counters.CertificateWorst;
                for (int r = 0; r < Rows * data.Group; r++)
                {
                    double[] own = Array.ConvertAll(output[(r * data.Dim)..((r + 1) * data.Dim)], x => (double)x);
                    double off = Reference.Distance(own.Select(x => (float)x).ToArray(), expected[r]);
                    Assert.True(off <= (certified * Reference.Norm(own)) + rounding,
                        $"{data.Name}, {policy}, row {r}: off by {off} of {Reference.Norm(own)}, certified {certified}");
                }
            }
        }
    }

    [Fact]
    public void Golden_rows_are_near_to_dense()
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
            float[] output = new HeadAttention(options).Attend(
                cache[0, 0], queries, Golden.Heads, Golden.Rows, Golden.Tokens - Golden.Rows, scratch);
            double sum = 0;
            for (int r = 0; r < Golden.Rows * Golden.Heads; r++)
            {
                int at = (((r % Golden.Heads) * Golden.Rows) + (r / Golden.Heads)) * Golden.Dim;
                double[] expected = Array.ConvertAll(golden.Softmax[at..(at + Golden.Dim)], x => (double)x);
                sum += Reference.Distance(output.AsSpan(r * Golden.Dim, Golden.Dim), expected) / Reference.Norm(expected);
            }
            // Layer 0 is diffuse, and its outputs are small beside its values.
            Assert.InRange(sum / (Golden.Rows * Golden.Heads), 0, layer == 0 ? 0.08 : 0.04);
            Assert.Equal(0, scratch.Counters.RowsDense);
            Assert.InRange(scratch.Counters.KeysPerHead, 100, 900);
        }
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
    public void A_rewound_index_sets_the_same_thresholds()
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
}
