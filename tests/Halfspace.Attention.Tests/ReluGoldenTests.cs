using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

/// <summary>ReLU attention of golden rows, with a bias a row.</summary>
public sealed class ReluGoldenTests
{
    public static TheoryData<int, SimdTier> LayersAndTiers => GoldenTests.LayersAndTiers;

    [Theory, MemberData(nameof(LayersAndTiers))]
    public void Rows_and_tiles_dense_and_sparse_are_within_a_ten_thousandth_of_golden(int layer, SimdTier tier)
    {
        Golden golden = Golden.Layer(layer);
        using KeyValueCache cache = Contexts.Sparse(golden.Keys, golden.Values, Golden.Dim, Golden.Tokens, ReluCases.Sketch, Golden.Rows);
        int rows = tier == SimdTier.Scalar ? 8 : 64, first = Golden.Rows - rows;
        foreach (int power in (int[])[1, 2])
        {
            float[] dense = Attend(cache, golden, power, ReluCases.Dense, tier, first, rows);
            Assert.InRange(WorstOfGolden(golden, power, dense, first, rows), 0, 1e-4);
            float[] row = Attend(cache, golden, power, ReluCases.Dense, tier, first, 1);
            Assert.InRange(WorstOfGolden(golden, power, row, first, 1), 0, 1e-4);
            foreach (AttentionOptions options in (AttentionOptions[])[ReluCases.Sketch, ReluCases.Scan])
            {
                float[] sparse = Attend(cache, golden, power, options, tier, first, rows);
                Assert.InRange(WorstOfGolden(golden, power, sparse, first, rows), 0, 1e-4);
                Assert.InRange(Worst(dense, sparse), 0, 1e-5);
            }
        }
    }

    [Theory, MemberData(nameof(LayersAndTiers))]
    public void Cubes_are_the_oracle_s(int layer, SimdTier tier)
    {
        Golden golden = Golden.Layer(layer);
        using KeyValueCache cache = Contexts.Sparse(golden.Keys, golden.Values, Golden.Dim, Golden.Tokens, ReluCases.Sketch, Golden.Rows);
        const int Rows = 4, First = 100;
        float[] expected = new float[Rows * Golden.Heads * Golden.Dim];
        double[] output = new double[Golden.Dim];
        for (int i = 0; i < Rows * Golden.Heads; i++)
        {
            int row = First + (i / Golden.Heads), head = i % Golden.Heads, visible = (Golden.Position(row) + 1) * Golden.Dim;
            DenseOracle.Relu(golden.Query(head, row), golden.Keys.AsSpan(0, visible), golden.Values.AsSpan(0, visible),
                golden.ReluBias[(head * Golden.Rows) + row], 3, output);
            for (int c = 0; c < Golden.Dim; c++) expected[(i * Golden.Dim) + c] = (float)output[c];
        }
        foreach (AttentionOptions options in ReluCases.All)
            Assert.InRange(Worst(expected, Attend(cache, golden, 3, options, tier, First, Rows)), 0, 1e-4);
    }

    private static float[] Attend(
        KeyValueCache cache, Golden golden, int power, AttentionOptions options, SimdTier tier, int first, int rows)
    {
        float[] biases = new float[rows * Golden.Heads], output = new float[biases.Length * Golden.Dim];
        for (int i = 0; i < biases.Length; i++)
            biases[i] = golden.ReluBias[(i % Golden.Heads * Golden.Rows) + first + (i / Golden.Heads)];
        HeadAttention attention = new(options, tier, new AttentionFunction.Relu(power));
        using AttentionScratch scratch = new();
        const int Width = Golden.Heads * Golden.Dim;
        attention.Attend(cache[0, 0], golden.Group(first, rows), Width, biases, Golden.Heads, rows, Golden.Position(first), output, Width, scratch);
        return output;
    }

    private static double WorstOfGolden(Golden golden, int power, float[] output, int first, int rows)
    {
        float[] all = power == 1 ? golden.Relu1 : golden.Relu2, expected = new float[output.Length];
        for (int r = 0; r < rows; r++)
            for (int h = 0; h < Golden.Heads; h++)
                all.AsSpan(((h * Golden.Rows) + first + r) * Golden.Dim, Golden.Dim).CopyTo(expected.AsSpan(((r * Golden.Heads) + h) * Golden.Dim));
        return Worst(expected, output);
    }

    // The largest relative error of a row.
    private static double Worst(float[] expected, float[] actual)
    {
        double worst = 0;
        for (int row = 0; row < expected.Length; row += Golden.Dim)
        {
            double error = 0, norm = 0;
            for (int c = row; c < row + Golden.Dim; c++)
            {
                error += Math.Pow(expected[c] - actual[c], 2);
                norm += Math.Pow(expected[c], 2);
            }
            worst = Math.Max(worst, norm == 0 ? Math.Sqrt(error) : Math.Sqrt(error / norm));
        }
        return worst;
    }
}
