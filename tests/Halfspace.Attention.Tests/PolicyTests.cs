using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

/// <summary>How many keys policies report, and what they promise.</summary>
public sealed class PolicyTests(ITestOutputHelper log)
{
    public static TheoryData<SimdTier> Tiers => Case.Tiers;

    public static TheoryData<SimdTier, ScoreSource> TiersAndSources
    {
        get
        {
            TheoryData<SimdTier, ScoreSource> data = [];
            foreach (SimdTier tier in Simd.Available)
                foreach (ScoreSource source in Enum.GetValues<ScoreSource>()) data.Add(tier, source);
            return data;
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void All_keys_that_equal_the_least_of_a_budget_are_reported(SimdTier tier)
    {
        foreach (int dim in (int[])[16, 64])
        {
            Case data = Case.Integers(dim, 3, 2200, seed: dim);
            foreach (int clusters in (int[])[1, 4, 8])
            {
                AttentionOptions options = new() { Scores = ScoreSource.Exact, Clusters = clusters, Tail = TailKind.None };
                using KeyValueCache cache = data.Sparse(options);
                foreach (int keys in (int[])[1, 2, 30, 31, 200, 700])
                    SparseTests.Check(data, cache, options with { Policy = new AttentionPolicy.Budget(keys) }, tier, 2199, 1e-5);
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_fixed_threshold_reports_the_half_space_with_its_border(SimdTier tier)
    {
        Case data = Case.Integers(64, 3, 2200, seed: 2);
        foreach (int clusters in (int[])[1, 4, 8])
        {
            AttentionOptions options = new() { Scores = ScoreSource.Exact, Clusters = clusters, Tail = TailKind.None };
            using KeyValueCache cache = data.Sparse(options);
            foreach (float bias in (float[])[-1, 0, 0.5f, 1.25f, 1.26f, 4, 1000])
                SparseTests.Check(data, cache, options with { Policy = new AttentionPolicy.Fixed(bias) }, tier, 2199, 1e-5);
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_mass_policy_reads_no_more_than_it_must(SimdTier tier)
    {
        Case data = Case.Random(64, 1, 2300, seed: 12, scale: 1);
        AttentionOptions options = new() { Scores = ScoreSource.Exact };
        using KeyValueCache cache = data.Sparse(options);
        int indexed = Contexts.Indexed(2300, options), sparse = 0;
        foreach (double tail in (double[])[0.9, 0.5, 0.2, 0.05, 0.01])
        {
            HeadAttention attention = new(options with { Policy = new AttentionPolicy.Mass(tail) }, tier);
            for (int position = indexed; position < 2300; position += 9)
            {
                using AttentionScratch scratch = new();
                attention.Attend(cache[0, 0], data.Rows(position, 1), 1, 1, position, scratch);
                if (scratch.Counters.RowsDense > 0) continue;
                sparse++;
                double[] scores = Reference.Scores(data.Query(position, 0), data.Keys.AsSpan(0, (position + 1) * 64));
                double whole = scores.Sum(Math.Exp), left = 0;
                // The fewest keys that leave out no more end at the last of these.
                double last = scores[..indexed].Order().SkipWhile(s => (left += Math.Exp(s)) <= tail * whole).First();
                int least = scores[..indexed].Count(s => s >= last);
                // Sinks are read besides, and thresholds are a sixteenth of a nat apart.
                int most = scores[..indexed].Count(s => s >= last - 0.0626) + options.Sinks, read = (int)scratch.Counters.KeysAttended;
                Assert.InRange(read - (position + 1 - indexed), least, most);
                Assert.True(scratch.Counters.TailMass <= tail + 1e-6, $"{tail}, {position}: {scratch.Counters.TailMass}");
            }
        }
        Assert.True(sparse > 20);
    }

    [Theory, MemberData(nameof(TiersAndSources))]
    public void A_mass_policy_keeps_to_its_share_as_scores_are_scanned(SimdTier tier, ScoreSource source)
    {
        Case data = Case.Clustered(64, 3, 2300, seed: 4);
        AttentionOptions options = new() { Scores = source };
        using KeyValueCache cache = data.Sparse(options);
        foreach (double tail in (double[])[0, 0.001, 0.1, 0.5])
        {
            using AttentionScratch scratch = new();
            HeadAttention attention = new(options with { Policy = new AttentionPolicy.Mass(tail) }, tier);
            attention.Attend(cache[0, 0], data.Rows(2290, 10), 3, 10, 2290, scratch);
            // Reported keys weigh what they do exactly, so the share of a scan may be another: by a tenth here.
            double allowed = tail * (source == ScoreSource.Exact ? 1.0001 : 1.1);
            Assert.True(scratch.Counters.TailMass <= (30 * allowed) + 1e-6, $"{tail}: {scratch.Counters.TailMass / 30}");
        }
    }

    [Theory, MemberData(nameof(TiersAndSources))]
    public void An_error_policy_is_never_farther_off_than_it_allows(SimdTier tier, ScoreSource source)
    {
        foreach (double allowed in (double[])[0.01, 0.1, 0.5])
        {
            foreach (Case data in (Case[])[Case.Clustered(64, 3, 2200, seed: 5), Case.Clustered(80, 3, 2200, seed: 6)])
            {
                AttentionOptions options = new() { Scores = source, Policy = new AttentionPolicy.Error(allowed), PromptFrom = 0 };
                using KeyValueCache cache = data.Sparse(options);
                using AttentionScratch scratch = new();
                float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(2190, 10), 3, 10, 2190, scratch);
                for (int r = 0; r < 10; r++)
                {
                    for (int h = 0; h < 3; h++)
                    {
                        double[] expected = data.Oracle(2190 + r, h);
                        double off = Reference.Distance(output.AsSpan(((r * 3) + h) * data.Dim, data.Dim), expected);
                        // The bound is relative to the output, which is within it of the true one.
                        Assert.True(off <= (allowed / (1 - allowed) * Reference.Norm(expected)) + 1e-5, $"{data.Name}, {allowed}: {off}");
                    }
                }
                Assert.True(scratch.Counters.CertificateWorst <= allowed);
                if (source == ScoreSource.Exact && allowed > 0.05) Assert.True(scratch.Counters.RowsDense < 10);
                log.WriteLine($"{data.Name}, {source}, {allowed}: {scratch.Counters.RowsDense} of 30 dense, {scratch.Counters.KeysPerHead} keys");
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Of_normal_scores_the_papers_threshold_reports_what_it_says(SimdTier tier)
    {
        // Of 2,000 normal scores P(z ≥ √(c·ln n)) is about n^(1 − c/2) less a logarithm: with c = 0.4 near 80.
        Case data = Case.Random(64, 1, 2300, seed: 8);
        AttentionOptions options = new() { Sinks = 0, PromptFrom = 0 };
        using KeyValueCache cache = data.Sparse(options);
        int indexed = Contexts.Indexed(2300, options);
        foreach (double scale in (double[])[0.2, 0.4, 0.8])
        {
            double z = Math.Sqrt(scale * Math.Log(indexed)), expected = 0;
            for (double x = z; x < 8; x += 1e-3) expected += 1e-3 * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI) * indexed;
            foreach (ScoreSource source in Enum.GetValues<ScoreSource>())
            {
                using AttentionScratch scratch = new();
                HeadAttention attention = new(options with { Scores = source, Policy = new AttentionPolicy.Paper(scale) }, tier);
                // Alone: positions that come together share what they report.
                for (int p = 2240; p < 2300; p++) attention.Attend(cache[0, 0], data.Rows(p, 1), 1, 1, p, scratch);
                double reported = scratch.Counters.KeysPerHead - (2270.5 - indexed);
                log.WriteLine($"{scale}, {source}: {reported} keys, {expected} of a normal distribution");
                Assert.InRange(reported, 0.8 * expected, 1.2 * expected);
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_budget_of_sketched_scores_reads_as_many_keys(SimdTier tier)
    {
        Case data = Case.Random(80, 1, 2200, seed: 9);
        foreach (int clusters in (int[])[1, 4, 8])
        {
            AttentionOptions options = new() { Clusters = clusters, Sinks = 0 };
            using KeyValueCache cache = data.Sparse(options);
            int window = 2200 - Contexts.Indexed(2200, options);
            foreach (int keys in (int[])[1, 2, 17, 64, 300])
            {
                using AttentionScratch scratch = new();
                HeadAttention attention = new(options with { Policy = new AttentionPolicy.Budget(keys) }, tier);
                attention.Attend(cache[0, 0], data.Rows(2199, 1), 1, 1, 2199, scratch);
                // Sketched scores of different keys are seldom equal.
                Assert.InRange(scratch.Counters.KeysAttended - window, keys, keys + 1);
            }
        }
    }

    [Theory, MemberData(nameof(TiersAndSources))]
    public void Of_repeated_keys_all_or_none_are_reported(SimdTier tier, ScoreSource source)
    {
        // Every key comes ten times, far apart, and lies off the origin, so that its cluster's own score is large.
        Case once = Case.Random(64, 1, 220, seed: 4);
        Half[] keys = new Half[2200 * 64];
        for (int i = 0; i < keys.Length; i++) keys[i] = (Half)((float)once.Keys[i % once.Keys.Length] + (i % 64 < 20 ? 3.3f : 0));
        Case data = Case.Random(64, 1, 2200, seed: 5) with { Keys = keys };
        foreach (int clusters in (int[])[1, 4, 8])
        {
            AttentionOptions options = new() { Clusters = clusters, Sinks = 0, Window = 40, Scores = source };
            using KeyValueCache cache = data.Sparse(options);
            int indexed = Contexts.Indexed(2200, options);
            foreach (int reported in (int[])[1, 2, 9, 10, 11, 20, 60, 95, 300])
            {
                HeadAttention attention = new(options with { Policy = new AttentionPolicy.Budget(reported) }, tier);
                for (int position = indexed; position < 2200; position += 5)
                {
                    using AttentionScratch scratch = new();
                    attention.Attend(cache[0, 0], data.Rows(position, 1), 1, 1, position, scratch);
                    // The last copies of some keys are in the window.
                    Assert.InRange(scratch.Counters.KeysAttended - (position + 1 - indexed), reported, reported + 9);
                }
            }
        }
    }
}
