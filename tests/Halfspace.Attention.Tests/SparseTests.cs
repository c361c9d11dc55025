using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

/// <summary>What sparse attention computes, against the formula in double: with exact scores and one cluster nothing is approximate but
/// the tail, and the formula says all of it.</summary>
public sealed class SparseTests
{
    private static readonly AttentionPolicy[] Policies =
        [new AttentionPolicy.Budget(1), new AttentionPolicy.Budget(37), new AttentionPolicy.Paper(), new AttentionPolicy.Fixed(2.5f)];

    // Around the steps of an index and the width of registers.
    private static readonly int[] Lengths = [2126, 2127, 2128, 2143, 2150, 2161, 2200, 2305];

    public static TheoryData<SimdTier> Tiers => Case.Tiers;

    public static TheoryData<SimdTier, TailKind> TiersAndTails
    {
        get
        {
            TheoryData<SimdTier, TailKind> data = [];
            foreach (SimdTier tier in Simd.Available)
                foreach (TailKind tail in Enum.GetValues<TailKind>()) data.Add(tier, tail);
            return data;
        }
    }

    [Theory, MemberData(nameof(TiersAndTails))]
    public void Rows_are_what_the_formula_says(SimdTier tier, TailKind tail)
    {
        int seed = 0;
        foreach (int dim in (int[])[8, 24, 64, 80, 128])
        {
            foreach (int group in (int[])[1, 3, 8, 9])
            {
                AttentionOptions options = new()
                {
                    Scores = ScoreSource.Exact,
                    Clusters = 1,
                    Tail = tail,
                    Policy = Policies[seed % Policies.Length],
                    Sinks = seed % 6,
                    Window = 1 + (seed * 13 % 64),
                };
                Case data = Case.Random(dim, group, Lengths[seed % Lengths.Length], ++seed, scale: 16f / dim);
                using KeyValueCache cache = data.Sparse(options);
                Check(data, cache, options, tier, data.Tokens - 1, 3e-5);
                Check(data, cache, options, tier, Contexts.Indexed(data.Tokens, options), 3e-5);
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Without_a_tail_clusters_change_nothing(SimdTier tier)
    {
        foreach (int clusters in (int[])[1, 4, 8, AttentionOptions.MostClusters])
        {
            Case data = Case.Clustered(64, 3, 2200, seed: clusters);
            foreach (AttentionPolicy policy in Policies)
            {
                AttentionOptions options = new() { Scores = ScoreSource.Exact, Clusters = clusters, Tail = TailKind.None, Policy = policy };
                using KeyValueCache cache = data.Sparse(options);
                Check(data, cache, options, tier, 2199, 3e-5);
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_key_that_one_head_reports_is_read_by_the_whole_group(SimdTier tier)
    {
        // Head h looks along coordinate h alone, where key 100·h stands out from all others.
        Case plain = Case.Random(64, 9, 2200, seed: 3, scale: 0.5f);
        Half[] keys = [.. plain.Keys];
        float[] queries = new float[plain.Queries.Length];
        for (int h = 0; h < 9; h++)
        {
            keys[((100 * (h + 1)) * 64) + h] = (Half)20;
            queries[(((2199 * 9) + h) * 64) + h] = 8;
        }
        Case data = plain with { Keys = keys, Queries = queries };
        AttentionOptions options = new() { Policy = new AttentionPolicy.Budget(1), Sinks = 0, Tail = TailKind.None };
        using KeyValueCache cache = data.Sparse(options);
        using AttentionScratch scratch = new();
        float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(2199, 1), 9, 1, 2199, scratch);
        int indexed = Contexts.Indexed(2200, options);
        Assert.Equal(9 * (9 + 2200 - indexed), scratch.Counters.KeysAttended);
        bool[] reported = [.. Enumerable.Range(0, 2200).Select(i => i >= indexed || (i % 100 == 0 && i is >= 100 and <= 900))];
        for (int h = 0; h < 9; h++)
        {
            double[] expected = Reference.Sparse(data.Query(2199, h), data.Keys, data.Values, reported, TailKind.None);
            for (int c = 0; c < 64; c++) Assert.Equal(expected[c], output[(h * 64) + c], 1e-5);
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Several_rows_give_what_each_gives(SimdTier tier)
    {
        Case data = Case.Random(64, 3, 2200, seed: 5);
        // Of a policy that chooses after a scan: others' rows share what they report.
        AttentionOptions options = new() { PromptFrom = 0, Policy = new AttentionPolicy.Budget(100) };
        using KeyValueCache cache = data.Sparse(options);
        HeadAttention attention = new(options, tier);
        using AttentionScratch scratch = new();
        float[] rows = attention.Attend(cache[0, 0], data.Rows(2180, 20), 3, 20, 2180, scratch);
        Assert.Equal(0, scratch.Counters.RowsDense);
        for (int r = 0; r < 20; r++)
            Assert.Equal(attention.Attend(cache[0, 0], data.Rows(2180 + r, 1), 3, 1, 2180 + r), rows[(r * 192)..((r + 1) * 192)]);
    }

    internal static void Check(Case data, KeyValueCache cache, AttentionOptions options, SimdTier tier, int position, double tolerance)
    {
        using AttentionScratch scratch = new();
        float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(position, 1), data.Group, 1, position, scratch);
        int indexed = Contexts.Indexed(data.Tokens, options);
        bool[] reported = Reference.Reported(data, position, options, indexed, scores => Reference.Threshold(options.Policy, scores));
        int read = reported.Count(r => r), length = (position + 1) * data.Dim;
        string what = $"{data.Name}, {options}, position {position}";
        Assert.True(scratch.Counters.KeysAttended == data.Group * (long)read, $"{what}: {scratch.Counters.KeysAttended} keys, not {read} a head");
        Assert.Equal(read == position + 1 ? data.Group : 0, scratch.Counters.RowsDense);
        for (int h = 0; h < data.Group; h++)
        {
            double[] expected = Reference.Sparse(
                data.Query(position, h), data.Keys.AsSpan(0, length), data.Values.AsSpan(0, length), reported, options.Tail);
            double off = Reference.Distance(output.AsSpan(h * data.Dim, data.Dim), expected);
            Assert.True(off <= tolerance * Math.Max(1, Reference.Norm(expected)), $"{what}, head {h}: off by {off} of {Reference.Norm(expected)}");
        }
    }
}
