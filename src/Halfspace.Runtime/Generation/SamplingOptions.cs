namespace Halfspace.Runtime.Generation;

/// <summary>How the next token is chosen. The defaults are greedy: the likeliest token, always.</summary>
/// <remarks>In this order: the repetition penalty changes logits; temperature divides them; then <see cref="MinP"/>,
/// <see cref="TopK"/> and <see cref="TopP"/>, each of what the one before left, drop the unlikely tokens; one of the rest is drawn by its
/// probability. At temperature 0 the likeliest token after the penalty is taken and the rest has no effect.</remarks>
public sealed record SamplingOptions
{
    private const int LongestWindow = 1 << 20;

    /// <summary>Divides the logits: 0 is greedy, 1 the model's own distribution.</summary>
    public float Temperature { get; init; }

    /// <summary>Keeps the k likeliest tokens; 0 keeps all. Of equally likely tokens the lower ids are kept.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps the fewest likeliest tokens whose probabilities add up to at least this; 1 keeps all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Keeps tokens at least this times as likely as the likeliest; 0 keeps all.</summary>
    public float MinP { get; init; }

    /// <summary>Divides the positive and multiplies the negative logits of tokens in the window (arXiv 1909.05858); 1 changes nothing.
    /// </summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>How many of the last tokens, prompt and output, the repetition penalty looks at.</summary>
    public int RepetitionWindow { get; init; } = 64;

    /// <summary>Makes the draws repeatable; without it every sampler has a seed of its own.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ModelException">A value is outside its range; the message says which.</exception>
    public void Validate()
    {
        if (!(Temperature >= 0 && float.IsFinite(Temperature)))
            throw new ModelException($"The temperature is {Temperature}; it must be 0 (greedy) or a positive number.");
        if (TopK < 0)
            throw new ModelException($"Top-k is {TopK}; it must be 0 (all tokens) or more.");
        if (!(TopP > 0 && TopP <= 1))
            throw new ModelException($"Top-p is {TopP}; it must be above 0 and at most 1 (all tokens).");
        if (!(MinP >= 0 && MinP <= 1))
            throw new ModelException($"Min-p is {MinP}; it must be from 0 (all tokens) to 1.");
        if (!(RepetitionPenalty > 0 && float.IsFinite(RepetitionPenalty)))
            throw new ModelException($"The repetition penalty is {RepetitionPenalty}; it must be positive, and 1 changes nothing.");
        if (RepetitionWindow is < 0 or > LongestWindow)
            throw new ModelException($"The repetition window is {RepetitionWindow} tokens; it must be from 0 to {LongestWindow}.");
    }
}
