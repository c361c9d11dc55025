using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Sums over keys of one cluster and row, in double. t is a score less the cluster's own, ⟨q, centre⟩; e is e^(s−m), m the row's reference.</summary>
internal struct IndexSums
{
    /// <summary>Keys.</summary>
    public int Count;

    /// <summary>Σt.</summary>
    public double Score;

    /// <summary>Σt².</summary>
    public double ScoreSquare;

    /// <summary>Σe.</summary>
    public double Mass;

    /// <summary>Σe·t.</summary>
    public double Weighted;

    /// <summary>Σe².</summary>
    public double Square;

    /// <summary>Adds keys without their weights.</summary>
    public void Add(int count, double score, double scoreSquare)
    {
        Count += count;
        Score += score;
        ScoreSquare += scoreSquare;
    }

    /// <summary>Adds a kernel's sums about <paramref name="max"/>, with e^(max + base − m) = <paramref name="scale"/>.</summary>
    public void Add(in ScoreSums sums, float max, double scale)
    {
        Mass += scale * sums.Exponential;
        Weighted += scale * (sums.Weighted + ((double)max * sums.Exponential));
        Square += scale * scale * sums.Square;
    }

    /// <summary>Adds a kernel's sums over a part of the cluster.</summary>
    public void Add(in TailSums sums)
    {
        Score += sums.Score;
        ScoreSquare += sums.ScoreSquare;
        Mass += sums.Exponential;
        Weighted += sums.Weighted;
        Square += sums.Square;
    }

    /// <summary>Adds another's, about the same reference.</summary>
    public void Add(in IndexSums other)
    {
        Add(other.Count, other.Score, other.ScoreSquare);
        AddWeights(other, 1);
    }

    /// <summary>Adds another's weights, whose reference is e^-ln(<paramref name="scale"/>) of this one's.</summary>
    public void AddWeights(in IndexSums other, double scale)
    {
        Mass += scale * other.Mass;
        Weighted += scale * other.Weighted;
        Square += scale * scale * other.Square;
    }
}
