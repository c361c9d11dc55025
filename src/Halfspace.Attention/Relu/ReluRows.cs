namespace Halfspace.Attention;

/// <summary>Rows of ReLU^α attention made ready.</summary>
internal static class ReluRows
{
    /// <exception cref="ArgumentException">There is neither a bias a head nor one a row.</exception>
    /// <exception cref="ArithmeticException">A bias is not finite.</exception>
    public static void Require(ReadOnlySpan<float> biases, int group, int rows)
    {
        if (biases.Length != group && biases.Length != (long)group * rows)
            throw new ArgumentException(
                $"There are {biases.Length} biases; give {group}, one a head, or {(long)group * rows}, one a row of each head.", nameof(biases));
        for (int i = 0; i < biases.Length; i++)
            if (!float.IsFinite(biases[i])) throw new ArithmeticException($"Bias {i} is {biases[i]}; a bias must be a finite number of nats.");
    }

    /// <summary>biases[r, ·] = the function's bias of position firstPosition + r.</summary>
    public static void SetBiases(AttentionFunction.Relu relu, int firstPosition, int group, Span<float> biases)
    {
        for (int i = 0; i < biases.Length; i++) biases[i] = relu.Bias(firstPosition + (i / group) + 1);
    }

    /// <summary>Multiplies each row's q and b by a power of two that brings the larger of them to 1 or 2, and ε by its α-th power. The output does
    /// not depend on it, but weights and sums then stay in float whatever is given: keys are at most 65,504.</summary>
    /// <param name="relu">α and ε.</param>
    /// <param name="queries">[rows, d], scaled by 1/√d.</param>
    /// <param name="biases">[rows].</param>
    /// <param name="epsilons">[rows], written.</param>
    public static void Normalise(AttentionFunction.Relu relu, Span<float> queries, Span<float> biases, Span<float> epsilons)
    {
        int dim = queries.Length / biases.Length;
        for (int r = 0; r < biases.Length; r++)
        {
            Span<float> query = queries.Slice(r * dim, dim);
            float largest = MathF.Abs(biases[r]);
            foreach (float q in query) largest = MathF.Max(largest, MathF.Abs(q));
            // A factor in float; nothing is that small or large but by intent.
            int exponent = largest == 0 ? 0 : Math.Clamp(MathF.ILogB(largest), -126, 126);
            float factor = MathF.ScaleB(1, -exponent);
            foreach (ref float q in query) q *= factor;
            biases[r] *= factor;
            epsilons[r] = (float)(relu.Epsilon * Math.ScaleB(1, -exponent * relu.Power));
        }
    }

    /// <summary>What Σ aᵢ·vᵢ is multiplied by: 1 / (Σ aᵢ + ε), and 0 where no key weighs anything.</summary>
    public static float Share(float sum, float epsilon) => sum > 0 ? 1 / (sum + epsilon) : 0;
}
