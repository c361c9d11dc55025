using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

public sealed class SparseTests
{
    private const int Tokens = 2300;

    public static TheoryData<SimdTier> Tiers => Case.Tiers;

    public static TheoryData<AttentionPolicy> Policies =>
    [
        new AttentionPolicy.Budget(1), new AttentionPolicy.Budget(40), new AttentionPolicy.Mass(0.3), new AttentionPolicy.Fixed(0.5f),
        new AttentionPolicy.Paper(), new AttentionPolicy.Paper(1), new AttentionPolicy.Error(0.5),
    ];

    [Theory, MemberData(nameof(Tiers))]
    public void A_policy_that_reports_everything_is_dense_to_the_bit(SimdTier tier)
    {
        Case data = Case.Random(64, 3, Tokens, seed: 7);
        foreach (AttentionPolicy policy in (AttentionPolicy[])[new AttentionPolicy.Budget(5000), new AttentionPolicy.Fixed(-1e6f)])
        {
            AttentionOptions options = new() { Policy = policy };
            using KeyValueCache cache = data.Sparse(options);
            using AttentionScratch scratch = new();
            HeadAttention dense = new(new AttentionOptions { Mode = AttentionMode.Dense }, tier);
            Assert.Equal(
                dense.Attend(cache[0, 0], data.Rows(Tokens - 1, 1), 3, 1, Tokens - 1),
                new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(Tokens - 1, 1), 3, 1, Tokens - 1, scratch));
            Assert.Equal(3, scratch.Counters.RowsDense);
            Assert.Equal(0, scratch.Counters.Certificate);
        }
    }

    [Fact]
    public void A_short_context_is_dense_and_a_long_one_is_not()
    {
        Case data = Case.Random(64, 3, Tokens, seed: 8);
        AttentionOptions options = new();
        foreach ((int tokens, bool sparse) in ((int, bool)[])[(2000, false), (2110, false), (2130, true)])
        {
            using KeyValueCache cache = Contexts.Sparse(data.Keys, data.Values, 64, tokens, options);
            using AttentionScratch scratch = new();
            new HeadAttention(options).Attend(cache[0, 0], data.Rows(tokens - 1, 1), 3, 1, tokens - 1, scratch);
            Assert.Equal(sparse ? 0 : 3, scratch.Counters.RowsDense);
            Assert.Equal(3L * tokens, scratch.Counters.KeysVisible);
        }
    }

    [Fact]
    public void A_context_without_an_index_is_not_attended_sparsely()
    {
        Case data = Case.Random(64, 1, 20, seed: 1);
        using KeyValueCache cache = data.Cache();
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => new HeadAttention(new AttentionOptions()).Attend(cache[0, 0], data.Rows(19, 1), 1, 1, 19));
        Assert.Contains("index", e.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Exact_scores_and_one_cluster_give_what_the_formula_says(SimdTier tier)
    {
        int seed = 0;
        foreach (int dim in (int[])[8, 64, 80])
        {
            foreach (int group in (int[])[1, 3, 9])
            {
                Case data = Case.Random(dim, group, 2150 + (++seed * 41 % 150), seed, scale: 16f / dim);
                AttentionOptions options = new()
                {
                    Policy = new AttentionPolicy.Budget(1 + (seed * 17 % 90)),
                    Sinks = seed % 6,
                    Window = 1 + (seed * 13 % 60),
                    Clusters = 1,
                    Scores = ScoreSource.Exact,
                };
                CheckFormula(data, options, tier, 2e-4);
            }
        }
    }

    [Theory, MemberData(nameof(Policies))]
    public void Adversarial_keys_never_break_a_policy(AttentionPolicy policy)
    {
        foreach (int clusters in (int[])[1, 4])
        {
            AttentionOptions options = new() { Policy = policy, Window = 20, Clusters = clusters };
            HeadAttention attention = new(options);
            foreach (Case data in Case.Adversarial(Tokens))
            {
                using KeyValueCache cache = data.Sparse(options);
                float[] output = attention.Attend(cache[0, 0], data.Rows(Tokens - 1, 1), 3, 1, Tokens - 1);
                double most = data.ValueSize();
                // The tail is extrapolated along s, so it may leave the range of the values, but not by much.
                Assert.All(output, x => Assert.True(Math.Abs(x) <= 3 * most, $"{data.Name}, {policy}: {x}"));
                if (data.Name is "equal keys" or "equal keys and values" or "zeros of both signs" or "subnormals" or "smallest queries")
                    DenseTests.Check(data, output, Tokens - 1, 1, 2e-3);
            }
        }
    }

    [Fact]
    public void Of_integers_every_tier_reports_the_same_keys_with_ties()
    {
        Case data = Case.Integers(64, 3, Tokens, seed: 2);
        double[][] scores = [.. Enumerable.Range(0, 3).Select(h => Reference.Scores(data.Query(Tokens - 1, h), data.Keys))];
        foreach (ScoreSource source in (ScoreSource[])[ScoreSource.Exact, ScoreSource.Sketch])
        {
            foreach (float bias in (float[])[0.5f, 1.25f, 2, 4])
            {
                AttentionOptions options = new() { Policy = new AttentionPolicy.Fixed(bias), Scores = source };
                using KeyValueCache cache = data.Sparse(options);
                long? first = null;
                foreach (SimdTier tier in Simd.Available)
                {
                    using AttentionScratch scratch = new();
                    new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(Tokens - 1, 1), 3, 1, Tokens - 1, scratch);
                    Assert.Equal(first ??= scratch.Counters.KeysAttended, scratch.Counters.KeysAttended);
                    if (source == ScoreSource.Sketch) continue;
                    int end = (Tokens - 64) / 16 * 16, read = 4 + Enumerable.Range(4, end - 4).Count(i => scores.Any(s => s[i] >= bias));
                    Assert.Equal(3 * ((end - read) * 8 < end ? Tokens : read + Tokens - end), scratch.Counters.KeysAttended);
                }
            }
        }
    }

    [Fact]
    public void A_mass_policy_leaves_out_no_more_than_it_may()
    {
        Case data = Case.Random(64, 1, Tokens, seed: 12, scale: 1);
        foreach (double tail in (double[])[0.5, 0.2, 0.05, 0.01])
        {
            AttentionOptions options = new() { Policy = new AttentionPolicy.Mass(tail), Scores = ScoreSource.Exact };
            using KeyValueCache cache = data.Sparse(options);
            using AttentionScratch scratch = new();
            new HeadAttention(options).Attend(cache[0, 0], data.Rows(Tokens - 1, 1), 1, 1, Tokens - 1, scratch);
            Assert.InRange(scratch.Counters.TailMass, 0, tail + 1e-4);
            // A sixteenth of a nat lower would have done.
            if (scratch.Counters.RowsDense == 0) Assert.True(scratch.Counters.TailMass > tail * 0.8);
        }
    }

    [Fact]
    public void An_error_policy_keeps_its_word_or_is_dense()
    {
        Case data = Case.Random(64, 1, Tokens, seed: 13, scale: 1);
        foreach (ScoreSource source in (ScoreSource[])[ScoreSource.Exact, ScoreSource.Sketch])
        {
            AttentionOptions options = new() { Policy = new AttentionPolicy.Error(0.25), Scores = source };
            using KeyValueCache cache = data.Sparse(options);
            for (int i = 0; i < 20; i++)
            {
                using AttentionScratch scratch = new();
                ReadOnlySpan<float> query = data.Query(i * 97, 0);
                new HeadAttention(options).Attend(cache[0, 0], query, 1, 1, Tokens - 1, scratch);
                Assert.InRange(scratch.Counters.CertificateWorst, 0, 0.25);
            }
        }
    }

    [Fact]
    public void A_tail_whose_values_follow_the_scores_is_exact()
    {
        Case random = Case.Random(64, 1, Tokens, seed: 21);
        Half[] values = new Half[random.Values.Length];
        // v = (first coordinates of k) in eighths: affine in k, and so in s.
        for (int i = 0; i < values.Length; i++) values[i] = (Half)(0.25f + (float)random.Keys[i]);
        Case data = random with { Values = values };
        AttentionOptions options = new() { Policy = new AttentionPolicy.Budget(20), Clusters = 1, Scores = ScoreSource.Exact, Sinks = 0 };
        float[] query = new float[64];
        query[5] = 6;
        using KeyValueCache cache = data.Sparse(options);
        float[] output = new HeadAttention(options).Attend(cache[0, 0], query, 1, 1, Tokens - 1);
        double[] expected = new double[64];
        DenseOracle.Softmax(query, data.Keys, data.Values, expected);
        // Along the query's own coordinate the value is the score.
        Assert.Equal(expected[5], output[5], 2e-3);
    }

    [Fact]
    public void Rewinding_and_reading_again_changes_nothing_that_counts()
    {
        Case data = Case.Random(64, 3, Tokens, seed: 31);
        AttentionOptions options = new();
        using KeyValueCache cache = data.Sparse(options, steps: 40);
        HeadAttention attention = new(options);
        float[] before = attention.Attend(cache[0, 0], data.Rows(Tokens - 1, 1), 3, 1, Tokens - 1);
        cache.Rewind(2200);
        for (int i = 2200; i < Tokens; i++) Contexts.Grow(cache, data.Keys, data.Values, 64, 1);
        float[] after = attention.Attend(cache[0, 0], data.Rows(Tokens - 1, 1), 3, 1, Tokens - 1);
        for (int i = 0; i < before.Length; i++) Assert.Equal(before[i], after[i], 1e-4);
        cache.Rewind(100);
        Assert.Equal(100, cache[0, 0].Count);
    }

    [Fact]
    public void Nothing_is_allocated_for_a_position()
    {
        Case data = Case.Random(64, 3, Tokens, seed: 41);
        AttentionOptions options = new();
        using KeyValueCache cache = data.Sparse(options);
        using AttentionScratch scratch = new();
        HeadAttention attention = new(options);
        float[] output = new float[3 * 64];
        void Attend() => attention.Attend(cache[0, 0], data.Rows(Tokens - 1, 1), 192, 3, 1, Tokens - 1, output, 192, scratch);
        for (int i = 0; i < 3; i++) Attend();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++) Attend();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(23 * 3, scratch.Counters.Rows);
        Assert.Equal(0, scratch.Counters.RowsDense);
    }

    // The group reads what any of its heads reports.
    private static void CheckFormula(Case data, AttentionOptions options, SimdTier tier, double tolerance)
    {
        int dim = data.Dim, position = data.Tokens - 1, end = (data.Tokens - options.Window) / 16 * 16;
        using KeyValueCache cache = data.Sparse(options);
        float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(position, 1), data.Group, 1, position);
        bool[] reported = new bool[data.Tokens];
        for (int h = 0; h < data.Group; h++)
        {
            bool[] own = Reference.Budget(
                Reference.Scores(data.Query(position, h), data.Keys), options.Sinks, end, ((AttentionPolicy.Budget)options.Policy).Keys);
            for (int i = 0; i < own.Length; i++) reported[i] |= own[i];
        }
        double[] expected = new double[dim];
        for (int h = 0; h < data.Group; h++)
        {
            Reference.Sparse(data.Query(position, h), data.Keys, data.Values, reported, expected);
            for (int c = 0; c < dim; c++)
                Assert.True(Math.Abs(expected[c] - output[(h * dim) + c]) < tolerance,
                    $"{data.Name}, {options.Policy}, head {h}, {c}: {output[(h * dim) + c]} instead of {expected[c]}");
        }
    }
}
