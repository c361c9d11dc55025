using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

public sealed class DenseTests
{
    private static readonly AttentionOptions Dense = new() { Mode = AttentionMode.Dense };

    private static readonly int[] Lengths = [1, 2, 17, 63, 64, 65, 130, 255, 256, 257, 300];

    public static TheoryData<SimdTier> Tiers => Case.Tiers;

    [Theory, MemberData(nameof(Tiers))]
    public void Rows_and_tiles_off_every_block_size_agree_with_the_oracle(SimdTier tier)
    {
        HeadAttention attention = new(Dense, tier);
        int seed = 0;
        foreach (int dim in (int[])[8, 24, 64, 80, 96, 128, 256])
        {
            foreach (int group in (int[])[1, 3, 4, 5, 8, 9])
            {
                int tokens = Math.Min(Lengths[seed % Lengths.Length], dim > 64 ? 130 : 300);
                Case data = Case.Random(dim, group, tokens, seed++);
                using KeyValueCache cache = data.Cache();
                int rows = Math.Min(tokens, 1 + (seed * 5 % 40)), first = tokens - rows;
                Check(data, attention.Attend(cache[0, 0], data.Rows(first, rows), group, rows, first), first, rows, 2e-5);
                Check(data, attention.Attend(cache[0, 0], data.Rows(first, 1), group, 1, first), first, 1, 2e-5);
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Every_prompt_length_up_to_a_block_agrees_with_the_oracle(SimdTier tier)
    {
        HeadAttention attention = new(Dense, tier);
        Case data = Case.Random(16, 3, 140, seed: 5);
        using KeyValueCache cache = data.Cache();
        for (int rows = 1; rows <= 140; rows += 3)
            Check(data, attention.Attend(cache[0, 0], data.Rows(0, rows), 3, rows, 0), 0, rows, 2e-5);
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Adversarial_keys_agree_with_the_oracle(SimdTier tier)
    {
        HeadAttention attention = new(Dense, tier);
        foreach (Case data in Case.Adversarial(300))
        {
            using KeyValueCache cache = data.Cache();
            Check(data, attention.Attend(cache[0, 0], data.Rows(260, 40), 3, 40, 260), 260, 40, Tolerance(data.Name));
            Check(data, attention.Attend(cache[0, 0], data.Rows(299, 1), 3, 1, 299), 299, 1, Tolerance(data.Name));
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void One_key_gives_its_value(SimdTier tier)
    {
        Case data = Case.Random(64, 3, 1, seed: 1);
        using KeyValueCache cache = data.Cache();
        float[] output = new HeadAttention(Dense, tier).Attend(cache[0, 0], data.Rows(0, 1), 3, 1, 0);
        for (int i = 0; i < output.Length; i++) Assert.Equal((float)data.Values[i % 64], output[i]);
    }

    [Fact]
    public void Strides_and_outputs_beside_the_rows_are_left_alone()
    {
        Case data = Case.Random(16, 2, 40, seed: 3);
        using KeyValueCache cache = data.Cache();
        using AttentionScratch scratch = new();
        HeadAttention attention = new(Dense);
        float[] queries = new float[20 * 50], output = new float[20 * 37];
        Array.Fill(output, 7);
        for (int r = 0; r < 20; r++) data.Rows(20 + r, 1).CopyTo(queries.AsSpan(r * 50));
        attention.Attend(cache[0, 0], queries, 50, 2, 20, 20, output, 37, scratch);
        float[] expected = attention.Attend(cache[0, 0], data.Rows(20, 20), 2, 20, 20);
        for (int i = 0; i < output.Length; i++)
            Assert.Equal(i % 37 < 32 ? expected[(i / 37 * 32) + (i % 37)] : 7, output[i]);
        Assert.Equal(40, scratch.Counters.Rows);
        Assert.Equal(40, scratch.Counters.RowsDense);
        Assert.Equal(2 * Enumerable.Range(21, 20).Sum(), scratch.Counters.KeysAttended);
        Assert.Equal(scratch.Counters.KeysAttended, scratch.Counters.KeysVisible);
    }

    internal static void Check(Case data, float[] output, int first, int rows, double tolerance)
    {
        double size = data.ValueSize();
        for (int r = 0; r < rows; r++)
        {
            for (int h = 0; h < data.Group; h++)
            {
                double[] expected = data.Oracle(first + r, h);
                for (int c = 0; c < data.Dim; c++)
                {
                    double actual = output[(((r * data.Group) + h) * data.Dim) + c];
                    Assert.True(Math.Abs(actual - expected[c]) <= tolerance * size,
                        $"{data.Name}, row {r}, head {h}, {c}: {actual} instead of {expected[c]}");
                }
            }
        }
    }

    /// <summary>Scores of 10^5 nats have steps of 10^-2 in float: keys that differ by less may change places.</summary>
    internal static double Tolerance(string name) => name switch
    {
        "largest keys" => 0.1,
        "largest queries" => 1e-2,
        _ => 3e-5,
    };
}
