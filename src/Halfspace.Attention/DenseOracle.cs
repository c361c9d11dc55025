namespace Halfspace.Attention;

/// <summary>Attention of one query row in double, key by key: the reference that every other path is tested against.</summary>
public static class DenseOracle
{
    /// <summary>Softmax attention: output = Σ wᵢ·vᵢ, wᵢ = e^(sᵢ) / Σ e^(sⱼ), sᵢ = ⟨q,kᵢ⟩/√d; zero over no keys.</summary>
    /// <param name="query">q, [d], unscaled.</param>
    /// <param name="keys">The visible keys, [n, d].</param>
    /// <param name="values">Their values, [n, d].</param>
    /// <param name="output">[d].</param>
    /// <exception cref="ArgumentException">Shapes do not match, or a score is NaN or infinite.</exception>
    public static void Softmax(ReadOnlySpan<float> query, ReadOnlySpan<Half> keys, ReadOnlySpan<Half> values, Span<double> output)
    {
        double[] weights = Scores(query, keys, values, output);
        double max = double.NegativeInfinity;
        foreach (double s in weights) max = Math.Max(max, s);
        for (int i = 0; i < weights.Length; i++) weights[i] = Math.Exp(weights[i] - max);
        Average(weights, values, output);
    }

    /// <summary>ReLU^α attention: output = D⁻¹·Σ aᵢ·vᵢ, aᵢ = max(sᵢ − b, 0)^α, D = Σ aᵢ + ε; zero where no key reaches b.</summary>
    /// <param name="query">q, [d], unscaled.</param>
    /// <param name="keys">The visible keys, [n, d].</param>
    /// <param name="values">Their values, [n, d].</param>
    /// <param name="bias">b, in nats.</param>
    /// <param name="power">α, at least 1.</param>
    /// <param name="output">[d].</param>
    /// <param name="epsilon">ε, at least 0; the paper has none.</param>
    /// <exception cref="ArgumentException">Shapes do not match, a score is NaN or infinite, or α is below 1.</exception>
    /// <remarks>arXiv:2410.10165: A = ReLU^α(QKᵀ/√d − b), D = diag(A·1), attention = D⁻¹AV.</remarks>
    public static void Relu(
        ReadOnlySpan<float> query, ReadOnlySpan<Half> keys, ReadOnlySpan<Half> values, double bias, int power, Span<double> output,
        double epsilon = 0)
    {
        if (power < 1) throw new ArgumentOutOfRangeException(nameof(power), power, "The power of ReLU attention is at least 1.");
        double[] weights = Scores(query, keys, values, output);
        for (int i = 0; i < weights.Length; i++) weights[i] = Math.Pow(Math.Max(weights[i] - bias, 0), power);
        Average(weights, values, output, epsilon);
    }

    private static double[] Scores(ReadOnlySpan<float> query, ReadOnlySpan<Half> keys, ReadOnlySpan<Half> values, Span<double> output)
    {
        int dim = query.Length;
        if (dim == 0 || keys.Length % dim != 0)
            throw new ArgumentException($"{keys.Length} numbers are not rows of keys of {dim}.", nameof(keys));
        if (values.Length != keys.Length)
            throw new ArgumentException($"Keys have {keys.Length} numbers and values {values.Length}.", nameof(values));
        if (output.Length != dim) throw new ArgumentException($"The output has {output.Length} numbers instead of {dim}.", nameof(output));
        double scale = 1 / Math.Sqrt(dim);
        double[] scores = new double[keys.Length / dim];
        for (int i = 0; i < scores.Length; i++)
        {
            double dot = 0;
            for (int c = 0; c < dim; c++) dot += (double)query[c] * (double)keys[(i * dim) + c];
            scores[i] = dot * scale;
            if (!double.IsFinite(scores[i])) throw new ArgumentException($"The score of key {i} is {scores[i]}.", nameof(keys));
        }
        return scores;
    }

    private static void Average(double[] weights, ReadOnlySpan<Half> values, Span<double> output, double epsilon = 0)
    {
        output.Clear();
        double sum = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            sum += weights[i];
            for (int c = 0; c < output.Length; c++) output[c] += weights[i] * (double)values[(i * output.Length) + c];
        }
        if (sum == 0) output.Clear();
        else for (int c = 0; c < output.Length; c++) output[c] /= sum + epsilon;
    }
}
