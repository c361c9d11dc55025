using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

/// <summary>Where sparse attention leaves nothing out, or the tail model has nothing left to miss.</summary>
public sealed class SparseExactTests
{
    public static TheoryData<SimdTier> Tiers => Case.Tiers;

    public static TheoryData<SimdTier, ScoreSource> TiersAndSources => PolicyTests.TiersAndSources;

    [Theory, MemberData(nameof(TiersAndSources))]
    public void Reporting_every_key_is_dense_to_the_bit(SimdTier tier, ScoreSource source)
    {
        Case data = Case.Random(64, 3, 2200, seed: 7);
        AttentionOptions options = new() { Scores = source };
        using KeyValueCache cache = data.Sparse(options);
        HeadAttention dense = new(new AttentionOptions { Mode = AttentionMode.Dense }, tier);
        foreach (AttentionPolicy policy in (AttentionPolicy[])
            [new AttentionPolicy.Budget(2200), new AttentionPolicy.Fixed(-3e38f), new AttentionPolicy.Error(1e-30)])
        {
            using AttentionScratch scratch = new();
            HeadAttention sparse = new(options with { Policy = policy }, tier);
            foreach (int position in (int[])[2199, 2190, 2136])
                Assert.Equal(dense.Attend(cache[0, 0], data.Rows(position, 1), 3, 1, position),
                    sparse.Attend(cache[0, 0], data.Rows(position, 1), 3, 1, position, scratch));
            Assert.Equal((9, 9), (scratch.Counters.Rows, scratch.Counters.RowsDense));
            Assert.Equal(scratch.Counters.KeysVisible, scratch.Counters.KeysAttended);
            Assert.Equal((0, 0, 0), (scratch.Counters.TailMass, scratch.Counters.Certificate, scratch.Counters.PaperBound));
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_short_context_and_rows_before_the_index_ends_are_dense_to_the_bit(SimdTier tier)
    {
        AttentionOptions options = new();
        HeadAttention dense = new(new AttentionOptions { Mode = AttentionMode.Dense }, tier), sparse = new(options, tier);
        // A window of 64 and one token too few, then enough.
        int enough = Contexts.Least + options.Window;
        foreach ((int tokens, int position, bool isDense) in ((int, int, bool)[])
            [(1, 0, true), (enough - 1, enough - 2, true), (enough, Contexts.Least - 1, true), (enough, Contexts.Least, false)])
        {
            Case data = Case.Random(64, 3, tokens, seed: 8);
            using KeyValueCache cache = data.Sparse(options);
            using AttentionScratch scratch = new();
            float[] output = sparse.Attend(cache[0, 0], data.Rows(position, 1), 3, 1, position, scratch);
            Assert.Equal(isDense ? 3 : 0, scratch.Counters.RowsDense);
            if (isDense) Assert.Equal(dense.Attend(cache[0, 0], data.Rows(position, 1), 3, 1, position), output);
        }
    }

    [Theory, MemberData(nameof(TiersAndSources))]
    public void Equal_values_give_that_value(SimdTier tier, ScoreSource source)
    {
        foreach (int dim in (int[])[64, 80])
        {
            Half[] values = [.. Enumerable.Range(0, 2200 * dim).Select(i => (Half)((i % dim * 0.5f) - 7))];
            Case data = Case.Clustered(dim, 3, 2200, seed: dim) with { Values = values };
            foreach (int clusters in (int[])[1, 4, 8])
            {
                AttentionOptions options = new() { Clusters = clusters, Scores = source };
                using KeyValueCache cache = data.Sparse(options);
                foreach (TailKind tail in Enum.GetValues<TailKind>())
                {
                    float[] output = new HeadAttention(options with { Tail = tail }, tier).Attend(cache[0, 0], data.Rows(2199, 1), 3, 1, 2199);
                    for (int i = 0; i < output.Length; i++) Assert.Equal((float)values[i % dim], output[i], 1e-5 * dim);
                }
            }
        }
    }

    [Theory, MemberData(nameof(TiersAndSources))]
    public void Equal_keys_give_the_mean_value(SimdTier tier, ScoreSource source)
    {
        foreach (int dim in (int[])[64, 80])
        {
            Half[] keys = [.. Enumerable.Range(0, 2200 * dim).Select(i => (Half)((i % dim * 0.1f) - 3))];
            Case data = Case.Random(dim, 3, 2200, seed: dim) with { Keys = keys };
            foreach (int clusters in (int[])[1, 4, 8])
            {
                // No score stands out: thresholds above all scores leave sinks and window alone, others report every key.
                foreach (AttentionPolicy policy in (AttentionPolicy[])
                    [new AttentionPolicy.Paper(), new AttentionPolicy.Budget(10), new AttentionPolicy.Fixed(1000), new AttentionPolicy.Mass(0.3)])
                {
                    AttentionOptions options = new() { Clusters = clusters, Scores = source, Policy = policy };
                    using KeyValueCache cache = data.Sparse(options);
                    float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(2199, 1), 3, 1, 2199);
                    DenseTests.Check(data, output, 2199, 1, 3e-5);
                }
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_tail_whose_values_are_affine_in_the_score_is_exact(SimdTier tier)
    {
        foreach (int dim in (int[])[24, 64, 80])
        {
            // Small integers: keys, ⟨u,k⟩ and values are exact in float16. Queries are multiples of u.
            Random random = new(dim);
            int[] u = [.. Enumerable.Range(0, dim).Select(_ => random.Next(-1, 2))];
            Half[] keys = new Half[2200 * dim], values = new Half[2200 * dim];
            for (int i = 0; i < 2200; i++)
            {
                int along = 0;
                for (int c = 0; c < dim; c++)
                {
                    int k = random.Next(-2, 3);
                    keys[(i * dim) + c] = (Half)k;
                    along += u[c] * k;
                }
                for (int c = 0; c < dim; c++) values[(i * dim) + c] = (Half)((c % 5) - 2 + (((c % 3) - 1) * along));
            }
            Case data = Case.Random(dim, 3, 2200, seed: dim) with
            {
                Keys = keys,
                Values = values,
                Queries = [.. Enumerable.Range(0, 2200 * 3 * dim).Select(i => ((i / dim % 3) - 0.5f) * u[i % dim])],
            };
            CheckAffine(data, tier);
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_tail_whose_keys_lie_on_a_line_with_affine_values_is_exact(SimdTier tier)
    {
        foreach (int dim in (int[])[64, 80])
        {
            Random random = new(dim);
            Half[] keys = new Half[2200 * dim], values = new Half[2200 * dim];
            for (int i = 0; i < 2200; i++)
            {
                int along = random.Next(-20, 21);
                for (int c = 0; c < dim; c++)
                {
                    keys[(i * dim) + c] = (Half)(((c % 4) - 1) * along + (c % 7));
                    values[(i * dim) + c] = (Half)((((c % 5) - 2) * along) - (c % 3));
                }
            }
            Case random3 = Case.Random(dim, 3, 2200, seed: dim);
            CheckAffine(random3 with { Keys = keys, Values = values, Queries = [.. random3.Queries.Select(q => q * 0.1f)] }, tier);
        }
    }

    private static void CheckAffine(Case data, SimdTier tier)
    {
        foreach (int clusters in (int[])[1, 4, 8])
        {
            AttentionOptions options = new()
            {
                Clusters = clusters,
                Scores = ScoreSource.Exact,
                Policy = new AttentionPolicy.Budget(1),
                Sinks = 0,
                Window = 1,
            };
            using KeyValueCache cache = data.Sparse(options);
            using AttentionScratch scratch = new();
            float[] output = new HeadAttention(options, tier).Attend(cache[0, 0], data.Rows(2199, 1), 3, 1, 2199, scratch);
            Assert.Equal(0, scratch.Counters.RowsDense);
            Assert.True(scratch.Counters.TailMass > 0.3, $"{scratch.Counters.TailMass / 3}");
            DenseTests.Check(data, output, 2199, 1, 2e-5);
        }
    }
}
