using System.Numerics;
using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>Tail: the keys of a cluster that were not read, closed by an affine model of v along s.</summary>
internal static class TailModel
{
    // The variance of the tail's scores comes out of a difference; below this share of what it is taken from, it is rounding.
    private const double Resolved = 1e-4;

    /// <summary>Writes the mean of v − c over T, the same for all rows.</summary>
    /// <param name="cluster">Moments of the whole cluster, read keys included.</param>
    /// <param name="tail">Keys in T.</param>
    /// <param name="readValue">Σv of the keys read, [d].</param>
    /// <param name="mean">[d], written.</param>
    public static void Mean(KeyCluster cluster, int tail, ReadOnlySpan<float> readValue, Span<float> mean)
    {
        float read = cluster.Count - tail, by = 1f / tail;
        ReadOnlySpan<float> sums = cluster.ValueSums, centre = cluster.ValueCentre;
        for (int i = 0; i < mean.Length; i += Vector<float>.Count)
        {
            if (mean.Length - i < Vector<float>.Count)
            {
                for (; i < mean.Length; i++) mean[i] = (sums[i] - (readValue[i] - (read * centre[i]))) * by;
                return;
            }
            Vector<float> value = At(sums, i) - (At(readValue, i) - (At(centre, i) * read));
            (value * by).CopyTo(mean[i..]);
        }
    }

    /// <summary>Adds Σ_T e^(s−m)·v as the model has it: M·(v̄ + β(s̃ − s̄)), β = Cov(v,s)/Var(s) over T without weights; β = 0 where s does not
    /// vary. t is s less ⟨q, key centre⟩.</summary>
    /// <param name="cluster">Moments of the whole cluster, read keys included.</param>
    /// <param name="product">Σ(v−c)(k−c)ᵀ·q, [d].</param>
    /// <param name="score">Σt of the whole cluster, exact.</param>
    /// <param name="tail">Sums over T of the scan's scores.</param>
    /// <param name="mean">What <see cref="Mean"/> wrote.</param>
    /// <param name="readScoreValue">Σt·v of the keys read, t exact, [d].</param>
    /// <param name="readScore">Σt of the keys read, exact.</param>
    /// <param name="slope">What <see cref="Slope"/> returned, or 0 for the mean alone.</param>
    /// <param name="output">[d].</param>
    public static void Add(
        KeyCluster cluster, ReadOnlySpan<float> product, double score, in IndexSums tail, ReadOnlySpan<float> mean,
        ReadOnlySpan<float> readScoreValue, double readScore, double slope, Span<float> output)
    {
        if (!(tail.Mass > 0)) return;
        int count = tail.Count;
        float scoreMean = (float)((score - readScore) / count), read = (float)readScore, mass = (float)tail.Mass, by = 1f / count;
        float trend = (float)slope;
        ReadOnlySpan<float> centre = cluster.ValueCentre;
        for (int i = 0; i < output.Length; i += Vector<float>.Count)
        {
            if (output.Length - i < Vector<float>.Count)
            {
                for (; i < output.Length; i++)
                {
                    float own = ((product[i] - (readScoreValue[i] - (read * centre[i]))) * by) - (mean[i] * scoreMean);
                    output[i] += (mass * (mean[i] + centre[i])) + (trend * own);
                }
                return;
            }
            Vector<float> middle = At(mean, i), shift = At(centre, i);
            Vector<float> covariance = ((At(product, i) - (At(readScoreValue, i) - (shift * read))) * by) - (middle * scoreMean);
            (At(output, i) + ((middle + shift) * mass) + (covariance * trend)).CopyTo(output[i..]);
        }
    }

    /// <summary>Adds M·v̄ to one sum and M·β(s̃ − s̄) to another, β = Cov(v,s)/Var(s) over the whole cluster: it depends on no key that was read, so that a
    /// tile's rows cost two products and not two for each.</summary>
    /// <param name="cluster">Moments.</param>
    /// <param name="product">Σ(v−c)(k−c)ᵀ·q, [d].</param>
    /// <param name="score">Σt of the whole cluster, exact.</param>
    /// <param name="mass">M.</param>
    /// <param name="mean">v̄, [d].</param>
    /// <param name="slope">M·(s̃ − s̄)/Var(s).</param>
    /// <param name="means">[d].</param>
    /// <param name="trends">[d].</param>
    public static void AddWhole(KeyCluster cluster, ReadOnlySpan<float> product, double score, double mass, ReadOnlySpan<float> mean, double slope,
        Span<float> means, Span<float> trends)
    {
        float weight = (float)mass, by = (float)(slope / cluster.Count), less = (float)(slope * score / ((double)cluster.Count * cluster.Count));
        ReadOnlySpan<float> sums = cluster.ValueSums;
        for (int i = 0; i < means.Length; i += Vector<float>.Count)
        {
            if (means.Length - i < Vector<float>.Count)
            {
                for (; i < means.Length; i++)
                {
                    means[i] += weight * mean[i];
                    trends[i] += (by * product[i]) - (less * sums[i]);
                }
                return;
            }
            (At(means, i) + (At(mean, i) * weight)).CopyTo(means[i..]);
            (At(trends, i) + (At(product, i) * by) - (At(sums, i) * less)).CopyTo(trends[i..]);
        }
    }

    /// <summary>M·(s̃ − s̄)/Var(s), Var over the whole cluster; 0 where s does not vary.</summary>
    /// <param name="tail">Sums over T, but Σt² over the whole cluster.</param>
    /// <param name="keys">Keys of the cluster.</param>
    /// <param name="score">Σt of the whole cluster.</param>
    /// <param name="rounding">What a score may be off by rounding alone.</param>
    public static double WholeSlope(in IndexSums tail, int keys, double score, double rounding)
    {
        double mean = score / keys, square = tail.ScoreSquare / keys, variance = square - (mean * mean);
        return variance > (Resolved * square) + (rounding * rounding) ? (tail.Weighted - (tail.Mass * (tail.Score / tail.Count))) / variance : 0;
    }

    /// <summary>M·(s̃ − s̄)/Var(s) over T: what the covariance is multiplied by; 0 where s does not vary.</summary>
    /// <param name="tail">Sums over T.</param>
    /// <param name="rounding">What a score may be off by rounding alone: where s varies no more, that says nothing of v.</param>
    public static double Slope(in IndexSums tail, double rounding)
    {
        double mean = tail.Score / tail.Count, square = tail.ScoreSquare / tail.Count, variance = square - (mean * mean);
        return variance > (Resolved * square) + (rounding * rounding) ? (tail.Weighted - (tail.Mass * mean)) / variance : 0;
    }

    private static Vector<float> At(ReadOnlySpan<float> numbers, int index) =>
        Vector.LoadUnsafe(ref MemoryMarshal.GetReference(numbers), (nuint)index);
}
