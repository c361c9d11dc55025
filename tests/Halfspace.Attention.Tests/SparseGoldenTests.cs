using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

public sealed class SparseGoldenTests(ITestOutputHelper log)
{
    public static TheoryData<SimdTier> Tiers => [.. Simd.Available];

    [Theory, MemberData(nameof(Tiers))]
    public void A_budget_gives_what_the_formula_says(SimdTier tier)
    {
        Golden golden = Golden.Layer(11);
        using KeyValueCache cache = golden.Cache();
        foreach (int keys in (int[])[64, 256])
        {
            AttentionOptions options = new() { Policy = new AttentionPolicy.Budget(keys) };
            HeadAttention attention = new(options, tier);
            for (int row = 3; row < Golden.Rows; row += 40)
            {
                float[] output = attention.Attend(cache[0, 0], golden.Group(row, 1), Golden.Heads, 1, Golden.Position(row));
                int visible = Golden.Position(row) + 1, length = visible * Golden.Dim, end = (visible - options.Window) / 16 * 16;
                double[] expected = new double[Golden.Dim];
                for (int h = 0; h < Golden.Heads; h++)
                {
                    bool[] reported = Reference.Budget(
                        Reference.Scores(golden.Query(h, row), golden.Keys.AsSpan(0, length)), options.Sinks, end, keys);
                    Reference.Sparse(golden.Query(h, row), golden.Keys.AsSpan(0, length), golden.Values.AsSpan(0, length), reported,
                        expected);
                    for (int c = 0; c < Golden.Dim; c++) Assert.Equal(expected[c], output[(h * Golden.Dim) + c], 2e-5);
                }
            }
        }
    }

    [Theory]
    [InlineData(64)]
    [InlineData(256)]
    public void The_affine_tail_is_nearer_than_the_mean_and_much_nearer_than_none(int keys)
    {
        Golden golden = Golden.Layer(11);
        using KeyValueCache cache = golden.Cache();
        AttentionOptions options = new() { Policy = new AttentionPolicy.Budget(keys) };
        HeadAttention attention = new(options);
        double affine = 0, mean = 0, dropped = 0;
        int rows = 0;
        double[] expected = new double[Golden.Dim];
        for (int row = 0; row < Golden.Rows; row += 12, rows++)
        {
            affine += golden.MeanRelativeError(attention.Attend(cache[0, 0], golden.Group(row, 1), Golden.Heads, 1, Golden.Position(row)),
                row, 1);
            float[] flat = new float[Golden.Heads * Golden.Dim], none = new float[Golden.Heads * Golden.Dim];
            int visible = Golden.Position(row) + 1, length = visible * Golden.Dim, end = (visible - options.Window) / 16 * 16;
            for (int h = 0; h < Golden.Heads; h++)
            {
                Half[] k = golden.Keys[..length], v = golden.Values[..length];
                bool[] reported = Reference.Budget(Reference.Scores(golden.Query(h, row), k), options.Sinks, end, keys);
                Reference.Sparse(golden.Query(h, row), k, v, reported, expected, affine: false);
                for (int c = 0; c < Golden.Dim; c++) flat[(h * Golden.Dim) + c] = (float)expected[c];
                int[] read = [.. Enumerable.Range(0, visible).Where(i => reported[i])];
                DenseOracle.Softmax(golden.Query(h, row), Pick(k, read), Pick(v, read), expected);
                for (int c = 0; c < Golden.Dim; c++) none[(h * Golden.Dim) + c] = (float)expected[c];
            }
            mean += golden.MeanRelativeError(flat, row, 1);
            dropped += golden.MeanRelativeError(none, row, 1);
        }
        log.WriteLine($"{keys} keys: affine {affine / rows}, mean {mean / rows}, dropped {dropped / rows}");
        Assert.True(affine < 0.75 * mean && affine < 0.4 * dropped,
            $"affine {affine / rows}, mean {mean / rows}, dropped {dropped / rows}");
    }

    private static Half[] Pick(Half[] rows, int[] tokens)
    {
        Half[] picked = new Half[tokens.Length * Golden.Dim];
        for (int i = 0; i < tokens.Length; i++) rows.AsSpan(tokens[i] * Golden.Dim, Golden.Dim).CopyTo(picked.AsSpan(i * Golden.Dim));
        return picked;
    }
}
