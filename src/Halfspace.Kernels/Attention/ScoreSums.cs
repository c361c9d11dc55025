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
