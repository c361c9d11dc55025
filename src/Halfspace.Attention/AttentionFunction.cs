using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>What a score makes of a key: a property of the model, unlike <see cref="AttentionOptions"/>. Scores are s = ⟨q,k⟩/√d, in nats.</summary>
public abstract record AttentionFunction
{
    private protected AttentionFunction()
    {
    }

    /// <summary>o = Σ e^(sᵢ)·vᵢ / Σ e^(sᵢ).</summary>
    public sealed record Softmax : AttentionFunction;

    /// <summary>ReLU^α attention: o = Σ aᵢ·vᵢ / (Σ aᵢ + ε), aᵢ = max(sᵢ − b, 0)^α; zero where no key is above b.</summary>
    /// <remarks>arXiv:2410.10165. A key outside the half-space {k : s ≥ b} weighs nothing, so sparse attention is exact up to rounding.</remarks>
    /// <param name="Power">α, from 1 to 3.</param>
    /// <param name="BiasScale">c of b = √(c·ln n) for a row that sees n keys; the paper has 0.4 where scores have a deviation of 1.</param>
    /// <param name="Epsilon">ε, 0 in the paper.</param>
    public sealed record Relu(int Power, double BiasScale = 0.4, double Epsilon = 0) : AttentionFunction
    {
        /// <summary>The largest <see cref="BiasScale"/>.</summary>
        public const double MostBiasScale = 1e6;

        /// <summary>α.</summary>
        public int Power { get; } = Power is >= 1 and <= AttentionKernels.MaxPower
            ? Power
            : throw new ArgumentOutOfRangeException(
                nameof(Power), Power, $"The power of ReLU attention must be from 1 to {AttentionKernels.MaxPower}.");

        /// <summary>c.</summary>
        public double BiasScale { get; } = BiasScale is >= 0 and <= MostBiasScale
            ? BiasScale
            : throw new ArgumentOutOfRangeException(
                nameof(BiasScale), BiasScale, $"The bias scale of ReLU attention must be from 0 to {MostBiasScale}.");

        /// <summary>ε.</summary>
        public double Epsilon { get; } = Epsilon is >= 0 and <= 1
            ? Epsilon
            : throw new ArgumentOutOfRangeException(nameof(Epsilon), Epsilon, "The ε of ReLU attention must be from 0 to 1.");

        /// <summary>b = √(c·ln n), in nats.</summary>
        /// <param name="visible">n, at least 1.</param>
        public float Bias(int visible) => (float)Math.Sqrt(BiasScale * Math.Log(visible));
    }
}
