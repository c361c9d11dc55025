namespace Halfspace.Attention;

/// <summary>A row's scores over the index, cluster by cluster: s = t + base of the cluster.</summary>
internal readonly ref struct IndexScores(
    ReadOnlySpan<float> scores, ReadOnlySpan<float> bases, ReadOnlySpan<int> firstBlock, ReadOnlySpan<IndexSums> totals, float max,
    double windowMass, HeadIndex index, double doubt)
{
    private readonly ReadOnlySpan<float> _scores = scores;
    private readonly ReadOnlySpan<int> _firstBlock = firstBlock;

    /// <summary>What is added to a cluster's scores.</summary>
    public readonly ReadOnlySpan<float> Bases = bases;

    /// <summary>Sums over each cluster, about <see cref="Max"/>.</summary>
    public readonly ReadOnlySpan<IndexSums> Totals = totals;

    /// <summary>The largest score.</summary>
    public readonly float Max = max;

    /// <summary>Σe^(s−max) over the window, where the policy asked for it.</summary>
    public readonly double WindowMass = windowMass;

    /// <summary>An upper bound of √λ, λ = λ_max of the values' scatter, over the whole index.</summary>
    public double Spread
    {
        get
        {
            double sum = 0;
            foreach (KeyCluster cluster in index.Clusters) sum += cluster.Spread.Largest;
            return Math.Sqrt(sum);
        }
    }

    /// <summary>The norm of the mean value.</summary>
    public double ValueNorm => index.ValueNorm;

    /// <summary>What sketches multiply an error by: e^Δ, Δ the most that a score can be off.</summary>
    public double Doubt { get; } = doubt;

    /// <summary>Keys.</summary>
    public int Count
    {
        get
        {
            int count = 0;
            foreach (IndexSums sums in Totals) count += sums.Count;
            return count;
        }
    }

    /// <summary>Σe^(s−max).</summary>
    public double Mass
    {
        get
        {
            double mass = 0;
            foreach (IndexSums sums in Totals) mass += sums.Mass;
            return mass;
        }
    }

    /// <summary>Mean and standard deviation of the scores.</summary>
    public (double Mean, double Deviation) Moments
    {
        get
        {
            double sum = 0, square = 0;
            int count = Count;
            for (int c = 0; c < Totals.Length; c++)
            {
                ref readonly IndexSums own = ref Totals[c];
                double shift = Bases[c] - Bases[0];
                sum += own.Score + (own.Count * shift);
                square += own.ScoreSquare + (2 * shift * own.Score) + (own.Count * shift * shift);
            }
            double mean = sum / count;
            return (Bases[0] + mean, Math.Sqrt(Math.Max(0, (square / count) - (mean * mean))));
        }
    }

    /// <summary>The slot of a cluster's first key.</summary>
    public int FirstSlot(int cluster) => _firstBlock[cluster] * Halfspace.Kernels.Reporting.KeyBlocks.Keys;

    /// <summary>A cluster's scores, less its base.</summary>
    public ReadOnlySpan<float> Of(int cluster) => _scores.Slice(FirstSlot(cluster), Totals[cluster].Count);
}
