using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

public sealed class GoldenTests
{
    private const int Stride = 7;

    public static TheoryData<int> Layers => [.. Golden.Layers];

    public static TheoryData<int, SimdTier> LayersAndTiers
    {
        get
        {
            TheoryData<int, SimdTier> data = [];
            foreach (int layer in Golden.Layers)
                foreach (SimdTier tier in Simd.Available) data.Add(layer, tier);
            return data;
        }
    }

    [Theory, MemberData(nameof(Layers))]
    public void The_oracle_is_within_a_millionth_of_golden_softmax(int layer)
    {
        Golden golden = Golden.Layer(layer);
        Assert.True(Worst(golden, golden.Softmax, (head, row, output) =>
        {
            int visible = (Golden.Position(row) + 1) * Golden.Dim;
            DenseOracle.Softmax(golden.Query(head, row), golden.Keys.AsSpan(0, visible), golden.Values.AsSpan(0, visible), output);
        }) < 1e-6);
    }

    [Theory, MemberData(nameof(Layers))]
    public void The_oracle_is_within_a_millionth_of_golden_relu(int layer)
    {
        Golden golden = Golden.Layer(layer);
        foreach (int power in (int[])[1, 2])
        {
            Assert.True(Worst(golden, power == 1 ? golden.Relu1 : golden.Relu2, (head, row, output) =>
            {
                int visible = (Golden.Position(row) + 1) * Golden.Dim;
                DenseOracle.Relu(golden.Query(head, row), golden.Keys.AsSpan(0, visible), golden.Values.AsSpan(0, visible),
                    golden.ReluBias[(head * Golden.Rows) + row], power, output);
            }) < 1e-6);
        }
    }

    [Theory, MemberData(nameof(LayersAndTiers))]
    public void Dense_rows_are_within_two_thousandths_of_golden(int layer, SimdTier tier)
    {
        Golden golden = Golden.Layer(layer);
        using KeyValueCache cache = golden.Cache();
        HeadAttention attention = new(new AttentionOptions { Mode = AttentionMode.Dense }, tier);
        double worst = 0;
        for (int row = 0; row < Golden.Rows; row += tier == SimdTier.Scalar ? 10 * Stride : Stride)
            worst = Math.Max(worst, golden.WorstDifference(attention.Attend(cache[0, 0], golden.Group(row, 1), Golden.Heads, 1,
                Golden.Position(row)), row, 1));
        Assert.True(worst < 2e-3, $"worst difference {worst}");
    }

    [Theory, MemberData(nameof(LayersAndTiers))]
    public void A_dense_tile_is_within_two_thousandths_of_golden(int layer, SimdTier tier)
    {
        Golden golden = Golden.Layer(layer);
        using KeyValueCache cache = golden.Cache();
        HeadAttention attention = new(new AttentionOptions { Mode = AttentionMode.Dense }, tier);
        int rows = tier == SimdTier.Scalar ? 24 : Golden.Rows;
        float[] output = attention.Attend(cache[0, 0], golden.Group(0, rows), Golden.Heads, rows, Golden.Position(0));
        double worst = golden.WorstDifference(output, 0, rows);
        Assert.True(worst < 2e-3, $"worst difference {worst}");
    }

    private static double Worst(Golden golden, float[] expected, OracleRow attend)
    {
        double worst = 0;
        double[] output = new double[Golden.Dim];
        for (int head = 0; head < Golden.Heads; head++)
        {
            for (int row = head; row < Golden.Rows; row += 3 * Stride)
            {
                attend(head, row, output);
                for (int c = 0; c < Golden.Dim; c++)
                    worst = Math.Max(worst, Math.Abs(output[c] - expected[(((head * Golden.Rows) + row) * Golden.Dim) + c]));
            }
        }
        return worst;
    }

    private delegate void OracleRow(int head, int row, Span<double> output);
}
