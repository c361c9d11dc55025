namespace Halfspace.Attention;

/// <summary>Sums over the keys of a row that were read exactly and whose moments are in <see cref="HeadMoments"/>; s is the score, v the
/// value.</summary>
/// <param name="Count">How many.</param>
/// <param name="Score">Σs.</param>
/// <param name="Square">Σs².</param>
/// <param name="Value">Σv, [d].</param>
/// <param name="ScoreValue">Σs·v, [d].</param>
internal readonly ref struct ReadSums(int Count, double Score, double Square, ReadOnlySpan<float> Value, ReadOnlySpan<float> ScoreValue)
{
    public readonly int Count = Count;
    public readonly double Score = Score, Square = Square;
    public readonly ReadOnlySpan<float> Value = Value, ScoreValue = ScoreValue;
}

/// <summary>Tail: the keys that were not read, closed by an affine model of v along s.</summary>
internal static class TailModel
{
    // The variance of the tail's scores comes out of a difference; below this share of what it is taken from, it is rounding.
    private const double Resolved = 1e-4;

    /// <summary>Writes Σ_T e^(s−m)·v as the model has it: M·(v̄ + β(s̃ − s̄)), β = Cov(v,s)/Var(s) over T without weights; β = 0 where s
    /// does not vary.</summary>
    /// <param name="moments">Of the whole prefix, read keys included.</param>
    /// <param name="query">q/√d, [d].</param>
    /// <param name="keyKey">Σkkᵀ·q, [d].</param>
    /// <param name="valueKey">Σvkᵀ·q, [d].</param>
    /// <param name="read">The prefix's keys that were read; scores less ⟨q, key centre⟩, values as they are.</param>
    /// <param name="mass">M = Σ_T e^(s−m).</param>
    /// <param name="mean">s̃ = Σ_T e^(s−m)·s / M, less ⟨q, key centre⟩.</param>
    /// <param name="output">[d].</param>
    public static void Close(HeadMoments moments, ReadOnlySpan<float> query, ReadOnlySpan<float> keyKey, ReadOnlySpan<float> valueKey,
        in ReadSums read,
        double mass, double mean, Span<float> output)
    {
        int count = moments.Tokens - read.Count;
        double score = 0, square = 0;
        for (int c = 0; c < query.Length; c++)
        {
            score += query[c] * moments.KeySum(c);
            square += query[c] * (double)keyKey[c];
        }
        double from = square;
        score = (score - read.Score) / count;
        square = (square - read.Square) / count;
        double variance = square - (score * score);
        double lead = variance > Resolved * from / count ? (mean - score) / variance : 0;
        ReadOnlySpan<float> centre = moments.ValueCentre;
        for (int c = 0; c < output.Length; c++)
        {
            double value = (moments.ValueSum(c) - (read.Value[c] - (read.Count * (double)centre[c]))) / count;
            double product = (valueKey[c] - (read.ScoreValue[c] - (read.Score * centre[c]))) / count;
            output[c] = (float)(mass * (value + centre[c] + (lead * (product - (value * score)))));
        }
    }
}
