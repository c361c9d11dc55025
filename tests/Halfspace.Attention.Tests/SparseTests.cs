using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

public sealed class SparseTests
{
    public static TheoryData<SimdTier> Tiers => Case.Tiers;

    [Theory, MemberData(nameof(Tiers))]
    public void A_budget_of_every_key_is_dense_to_the_bit(SimdTier tier)
    {
        Case data = Case.Random(64, 3, 700, seed: 7);
        using KeyValueCache cache = data.Cache();
        using AttentionScratch scratch = new();
        HeadAttention dense = new(new AttentionOptions { Mode = AttentionMode.Dense }, tier);
        HeadAttention sparse = new(new AttentionOptions { Policy = new AttentionPolicy.Budget(700) }, tier);
        foreach ((int first, int rows) in ((int, int)[])[(699, 1), (640, 60), (0, 30)])
        {
            Assert.Equal(dense.Attend(cache[0, 0], data.Rows(first, rows), 3, rows, first),
                sparse.Attend(cache[0, 0], data.Rows(first, rows), 3, rows, first, scratch));
        }
        Assert.Equal(scratch.Counters.Rows, scratch.Counters.RowsDense);
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_short_context_is_dense(SimdTier tier)
    {
        Case data = Case.Random(64, 3, 400, seed: 8);
        using KeyValueCache cache = data.Cache();
        using AttentionScratch scratch = new();
        // 4 sinks, 256 reported, a window of 64 to 79.
        new HeadAttention(new AttentionOptions(), tier).Attend(cache[0, 0], data.Rows(0, 335), 3, 335, 0, scratch);
        Assert.Equal(scratch.Counters.Rows, scratch.Counters.RowsDense);
        new HeadAttention(new AttentionOptions(), tier).Attend(cache[0, 0], data.Rows(395, 5), 3, 5, 395, scratch);
        Assert.Equal(335 * 3, scratch.Counters.RowsDense);
        Assert.Equal(340 * 3, scratch.Counters.Rows);
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Random_cases_give_what_the_formula_says(SimdTier tier)
    {
        int seed = 0;
        foreach (int dim in (int[])[8, 24, 64, 80, 128])
        {
            foreach (int group in (int[])[1, 3, 5])
            {
                Case data = Case.Random(dim, group, 150 + (seed * 41 % 400), ++seed, scale: 16f / dim);
                using KeyValueCache cache = data.Cache();
                AttentionOptions options = new()
                {
                    Policy = new AttentionPolicy.Budget(1 + (seed * 7 % 40)),
                    Sinks = seed % 6,
                    Window = 1 + (seed * 13 % 50),
                };
                int position = data.Tokens - 1;
                float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(position, 1), group, 1, position);
                for (int h = 0; h < group; h++) CheckFormula(data, options, position, h, output.AsSpan(h * dim, dim));
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Adversarial_keys_never_break_the_formula(SimdTier tier)
    {
        foreach (AttentionPolicy policy in (AttentionPolicy[])
            [new AttentionPolicy.Budget(1), new AttentionPolicy.Budget(40), new AttentionPolicy.Mass(0.3), new AttentionPolicy.Fixed(0.5f)])
        {
            HeadAttention attention = new(new AttentionOptions { Policy = policy, Window = 20 }, tier);
            foreach (Case data in Case.Adversarial(300))
            {
                using KeyValueCache cache = data.Cache();
                float[] output = attention.Attend(cache[0, 0], data.Rows(280, 20), 3, 20, 280);
                double most = data.ValueSize();
                // The tail is extrapolated along s, so it may leave the range of the values, but not by much.
                Assert.All(output, x => Assert.True(Math.Abs(x) <= 3 * most, $"{data.Name}, {policy}: {x}"));
                if (data.Name is "equal keys" or "equal keys and values" or "zeros of both signs" or "subnormals" or "smallest queries")
                    DenseTests.Check(data, output, 280, 20, 1e-4);
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Of_equal_scores_at_the_threshold_the_earliest_are_reported(SimdTier tier)
    {
        foreach (int dim in (int[])[16, 64])
        {
            Case data = Case.Integers(dim, 3, 600, seed: dim);
            using KeyValueCache cache = data.Cache();
            foreach (int keys in (int[])[1, 2, 30, 31, 200])
            {
                AttentionOptions options = new() { Policy = new AttentionPolicy.Budget(keys) };
                using AttentionScratch scratch = new();
                float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(599, 1), 3, 1, 599, scratch);
                Assert.Equal(3 * (keys + 4 + (600 - ((600 - 64) / 16 * 16))), scratch.Counters.KeysAttended);
                for (int h = 0; h < 3; h++) CheckFormula(data, options, 599, h, output.AsSpan(h * dim, dim));
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_mass_policy_reads_the_fewest_keys_that_leave_out_less(SimdTier tier)
    {
        Case data = Case.Random(64, 1, 700, seed: 12, scale: 1);
        using KeyValueCache cache = data.Cache();
        foreach (double tail in (double[])[0.5, 0.2, 0.05, 0.01])
        {
            AttentionOptions options = new() { Policy = new AttentionPolicy.Mass(tail) };
            for (int position = 500; position < 700; position += 23)
            {
                using AttentionScratch scratch = new();
                new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(position, 1), 1, 1, position, scratch);
                double[] scores = Reference.Scores(data.Query(position, 0), data.Keys.AsSpan(0, (position + 1) * 64));
                int end = (position + 1 - 64) / 16 * 16;
                double whole = scores.Sum(Math.Exp), left = 0;
                int out0 = 0;
                foreach (double s in scores[4..end].Order())
                {
                    if (left + Math.Exp(s) > tail * whole) break;
                    left += Math.Exp(s);
                    out0++;
                }
                // With almost nothing left out the row is dense.
                if (out0 * 8 < end)
                {
                    Assert.Equal(1, scratch.Counters.RowsDense);
                    continue;
                }
                Assert.Equal(position + 1 - out0, scratch.Counters.KeysAttended);
                Assert.Equal(left / whole, scratch.Counters.TailMass, 1e-5);
                Assert.True(scratch.Counters.TailMass <= tail + 1e-6);
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_fixed_threshold_reports_the_half_space_with_its_border(SimdTier tier)
    {
        Case data = Case.Integers(64, 3, 600, seed: 2);
        using KeyValueCache cache = data.Cache();
        foreach (float bias in (float[])[-1, 0, 0.5f, 1.25f, 4])
        {
            using AttentionScratch scratch = new();
            new HeadAttention(new AttentionOptions { Policy = new AttentionPolicy.Fixed(bias) }, tier)
                .Attend(cache[0, 0], data.Rows(599, 1), 3, 1, 599, scratch);
            int expected = 0, end = (600 - 64) / 16 * 16;
            for (int h = 0; h < 3; h++)
            {
                double[] scores = Reference.Scores(data.Query(599, h), data.Keys);
                int read = 4 + scores[4..end].Count(s => s >= bias);
                expected += (end - read) * 8 < end ? 600 : read + 600 - end;
            }
            Assert.Equal(expected, scratch.Counters.KeysAttended);
        }
    }

    internal static void CheckFormula(Case data, AttentionOptions options, int position, int head, ReadOnlySpan<float> output)
    {
        int visible = position + 1, end = (visible - options.Window) / 16 * 16;
        if (end < 64) end = 0;
        ReadOnlySpan<Half> keys = data.Keys.AsSpan(0, visible * data.Dim), values = data.Values.AsSpan(0, visible * data.Dim);
        double[] scores = Reference.Scores(data.Query(position, head), keys), expected = new double[data.Dim];
        bool[] reported = Reference.Budget(scores, options.Sinks, end, ((AttentionPolicy.Budget)options.Policy).Keys);
        if (reported.Count(r => !r) * 8 < end) Array.Fill(reported, true);
        Reference.Sparse(data.Query(position, head), keys, values, reported, expected);
        for (int c = 0; c < data.Dim; c++)
            Assert.True(Math.Abs(expected[c] - output[c]) < 1e-4,
                $"{data.Name}, {options.Policy}, head {head}, {c}: {output[c]} instead of {expected[c]}");
    }
}
