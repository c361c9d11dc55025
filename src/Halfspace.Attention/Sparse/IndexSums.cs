using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Sums over keys of one cluster and row, in double. t is a score less the cluster's own, ⟨q, centre⟩; e is e^(s−m), m the row's reference.</summary>
internal struct IndexSums
{
    /// <summary>Keys.</summary>
    public int Count;

    /// <summary>Σe.</summary>
    public double Mass;

    /// <summary>Σe·t.</summary>
    public double Weighted;

    /// <summary>Σe².</summary>
    public double Square;

    /// <summary>Σt.</summary>
    public double Score;

    /// <summary>Σt².</summary>
    public double ScoreSquare;

    /// <summary>Adds a kernel's sums about <paramref name="max"/>, with e^(max + base − m) = <paramref name="scale"/>.</summary>
    public void Add(in ScoreSums sums, int count, float max, double scale)
    {
        Count += count;
        Mass += scale * sums.Exponential;
        Weighted += scale * (sums.Weighted + ((double)max * sums.Exponential));
        Square += scale * scale * sums.Square;
        Score += sums.Score;
        ScoreSquare += sums.ScoreSquare;
    }

    /// <summary>What is left without the other's keys.</summary>
    public readonly IndexSums Less(in IndexSums other) => new()
    {
        Count = Count - other.Count,
        Mass = Math.Max(0, Mass - other.Mass),
        Weighted = Weighted - other.Weighted,
        Square = Math.Max(0, Square - other.Square),
        Score = Score - other.Score,
        ScoreSquare = Math.Max(0, ScoreSquare - other.ScoreSquare),
    };
}
