namespace Halfspace.Attention;

/// <summary>How the threshold b of a row is chosen. Scores are s = ⟨q,k⟩/√d, in nats. Sinks and the recent window are attended
/// besides.</summary>
public abstract record AttentionPolicy
{
    private protected AttentionPolicy()
    {
    }

    /// <summary>The r keys of the index with the largest scores, and all that equal the least of them.</summary>
    /// <param name="Keys">r, at least 1.</param>
    public sealed record Budget(int Keys) : AttentionPolicy
    {
        /// <summary>r, the keys reported for a row.</summary>
        public int Keys { get; } = Keys >= 1
            ? Keys
            : throw new ArgumentOutOfRangeException(nameof(Keys), Keys, "A row must attend to at least 1 key.");
    }

    /// <summary>The fewest keys that leave out at most a share τ of the row's softmax mass, to a sixteenth of a nat.</summary>
    /// <param name="Tail">τ, from 0 (every key that weighs anything) to below 1.</param>
    public sealed record Mass(double Tail) : AttentionPolicy
    {
        /// <summary>τ, the largest share of the softmax mass left to the tail model.</summary>
        public double Tail { get; } = Tail is >= 0 and < 1
            ? Tail
            : throw new ArgumentOutOfRangeException(nameof(Tail), Tail, "The mass left to the tail must be at least 0 and below 1.");
    }

    /// <summary>Every key with s ≥ b.</summary>
    /// <param name="Bias">b, in nats.</param>
    public sealed record Fixed(float Bias) : AttentionPolicy
    {
        /// <summary>b, in nats.</summary>
        public float Bias { get; } = float.IsFinite(Bias)
            ? Bias
            : throw new ArgumentOutOfRangeException(nameof(Bias), Bias, "The threshold must be a finite number of nats.");
    }

    /// <summary>The highest b whose certificate is at most ε; a row whose certificate is larger after all attends densely.</summary>
    /// <param name="Relative">ε, of the norm of a row's output, above 0.</param>
    public sealed record Error(double Relative) : AttentionPolicy
    {
        /// <summary>ε, the largest relative error that a row may be certified for.</summary>
        public double Relative { get; } = Relative > 0 && double.IsFinite(Relative)
            ? Relative
            : throw new ArgumentOutOfRangeException(nameof(Relative), Relative, "The error allowed must be above 0.");
    }

    /// <summary>The paper's threshold: b = μ + σ√(c·ln n), where μ and σ are the mean and deviation of the row's scores over an index of n keys. For
    /// normal scores about n^(1−c/2) keys reach it.</summary>
    /// <remarks>arXiv:2410.10165 has c = 0.4 and scores of mean 0; softmax does not see a common shift, so it is taken out.</remarks>
    /// <param name="Scale">c, above 0.</param>
    public sealed record Paper(double Scale = 0.4) : AttentionPolicy
    {
        /// <summary>c, what ln n is multiplied by.</summary>
        public double Scale { get; } = Scale > 0 && double.IsFinite(Scale)
            ? Scale
            : throw new ArgumentOutOfRangeException(nameof(Scale), Scale, "The factor of the paper's threshold must be above 0.");
    }
}
