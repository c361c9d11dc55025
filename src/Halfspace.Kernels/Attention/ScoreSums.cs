namespace Halfspace.Kernels;

/// <summary>Sums over scores t, with u = t − max for some max.</summary>
/// <param name="Exponential">Σ e^u.</param>
/// <param name="Weighted">Σ e^u·u.</param>
/// <param name="Square">Σ e^2u.</param>
public readonly record struct ScoreSums(float Exponential, float Weighted, float Square);

/// <summary>What scores t are like before anything is left out.</summary>
/// <param name="Max">The largest; negative infinity of none.</param>
/// <param name="Score">Σ t.</param>
/// <param name="ScoreSquare">Σ t².</param>
public readonly record struct ScoreMoments(float Max, float Score, float ScoreSquare);

/// <summary>Sums over scores t that are left out of what is read, with e = e^(t − reference).</summary>
/// <param name="Exponential">Σ e.</param>
/// <param name="Weighted">Σ e·t.</param>
/// <param name="Square">Σ e².</param>
/// <param name="Score">Σ t.</param>
/// <param name="ScoreSquare">Σ t² over all scores, those that are read among them.</param>
public readonly record struct TailSums(float Exponential, float Weighted, float Square, float Score, float ScoreSquare);
