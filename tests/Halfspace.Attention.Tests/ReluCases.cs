using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

/// <summary>ReLU attention over a case, in every way there is, and what the oracle says.</summary>
internal static class ReluCases
{
    public static readonly AttentionOptions Dense = new() { Mode = AttentionMode.Dense };

    public static readonly AttentionOptions Sketch = new() { Mode = AttentionMode.Sparse };

    public static readonly AttentionOptions Scan = new() { Mode = AttentionMode.Sparse, Scores = ScoreSource.Exact };

    public static readonly AttentionOptions[] All = [Dense, Sketch, Scan];

    /// <summary>Tokens of a context whose index holds all but the last few dozen.</summary>
    public const int Tokens = 2200;

    /// <summary>A context with an index of what comes before the last <paramref name="rows"/> tokens.</summary>
    public static KeyValueCache Indexed(this Case data, int rows) =>
        Contexts.Sparse(data.Keys, data.Values, data.Dim, data.Tokens, Sketch, rows);

    /// <summary>Outputs [rows, group, d] and what was counted. Sparse rows come one by one, as many at once are a tile in a short context.</summary>
    public static (float[] Output, AttentionCounters Counters) AttendRelu(
        this KeyValueCache cache, Case data, AttentionFunction.Relu relu, AttentionOptions options, SimdTier? tier, int first, int rows,
        float[]? biases = null)
    {
        float[] output = new float[rows * data.Group * data.Dim];
        int width = data.Group * data.Dim;
        HeadAttention attention = new(options, tier, relu);
        using AttentionScratch scratch = new();
        int step = options.Mode == AttentionMode.Sparse ? 1 : rows;
        for (int r = 0; r < rows; r += step)
        {
            Span<float> own = output.AsSpan(r * width);
            ReadOnlySpan<float> given = biases is null || step == rows || biases.Length == data.Group ? biases : biases.AsSpan(r * data.Group, step * data.Group);
            if (biases is null)
                attention.Attend(cache[0, 0], data.Rows(first + r, step), width, data.Group, step, first + r, own, width, scratch);
            else
                attention.Attend(cache[0, 0], data.Rows(first + r, step), width, given, data.Group, step, first + r, own, width, scratch);
        }
        return (output, scratch.Counters);
    }

    /// <summary>Each output is the oracle's, but for what rounding of scores makes of it: weights near b have few digits left.</summary>
    public static void Check(Case data, AttentionFunction.Relu relu, float[] output, int first, int rows, float[]? biases = null)
    {
        double[] expected = new double[data.Dim];
        double size = data.ValueSize();
        for (int r = 0; r < rows; r++)
        {
            int visible = first + r + 1;
            ReadOnlySpan<Half> keys = data.Keys.AsSpan(0, visible * data.Dim);
            for (int h = 0; h < data.Group; h++)
            {
                float bias = biases is null ? relu.Bias(visible) : biases[biases.Length == data.Group ? h : (r * data.Group) + h];
                ReadOnlySpan<float> query = data.Query(first + r, h);
                DenseOracle.Relu(query, keys, data.Values.AsSpan(0, visible * data.Dim), bias, relu.Power, expected, relu.Epsilon);
                double[] scores = Reference.Scores(query, keys);
                double above = scores.Max() - bias, off = 2e-7 * (Math.Abs(bias) + Magnitude(query, keys));
                if (above <= off) continue;
                double tolerance = size * (3e-5 + (relu.Power * off / above));
                for (int c = 0; c < data.Dim; c++)
                {
                    double actual = output[(((r * data.Group) + h) * data.Dim) + c];
                    Assert.True(Math.Abs(actual - expected[c]) <= tolerance,
                        $"{data.Name}, α = {relu.Power}, row {r}, head {h}, {c}: {actual} instead of {expected[c]} ± {tolerance}");
                }
            }
        }
    }

    /// <summary>How many keys are above the bias, where scores are exact.</summary>
    public static int Used(Case data, int position, int head, float bias) =>
        Reference.Scores(data.Query(position, head), data.Keys.AsSpan(0, (position + 1) * data.Dim)).Count(s => s > bias);

    // The largest Σ|q·k| / √d, by which float sums round.
    private static double Magnitude(ReadOnlySpan<float> query, ReadOnlySpan<Half> keys)
    {
        double largest = 0;
        for (int i = 0; i < keys.Length / query.Length; i++)
        {
            double sum = 0;
            for (int c = 0; c < query.Length; c++) sum += Math.Abs((double)query[c] * (double)keys[(i * query.Length) + c]);
            largest = Math.Max(largest, sum);
        }
        return largest / Math.Sqrt(query.Length);
    }
}
