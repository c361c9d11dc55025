using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

public abstract partial class HalfspaceIndex
{
    // Points whose scores place the first bias.
    private const int SampleSize = 512;

    /// <summary>Ids are below this; some may have been removed.</summary>
    public virtual int IdLimit => Count;

    /// <summary>Copies a point's coordinates, widened to float.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="into">At least d long.</param>
    /// <returns>False where there is no such point, or no longer.</returns>
    public abstract bool TryCopyPoint(int id, Span<float> into);

    /// <summary>Reports the r points with the largest scores: <see cref="Report"/> with a bias that is searched.</summary>
    /// <param name="query">a, [d].</param>
    /// <param name="r">How many; fewer where the index has fewer.</param>
    /// <param name="hits">Cleared, then filled with r ids, ascending. Of equal scores the smaller ids are taken.</param>
    /// <returns>The work of all calls.</returns>
    /// <exception cref="ArgumentException">query is not [d], or a value is NaN or infinite, or r is negative.</exception>
    /// <remarks>Scores are compared as real numbers rounded once to double. The first bias is a quantile of a sample of scores; a bias that
    /// reports fewer than r is lowered to the quantile for four times as many. What is reported beyond r is taken off by its scores.</remarks>
    public ReportCost ReportTop(ReadOnlySpan<float> query, int r, HitList hits)
    {
        ArgumentNullException.ThrowIfNull(hits);
        ArgumentOutOfRangeException.ThrowIfNegative(r);
        CheckQuery(query, 0);
        hits.Clear();
        return r == 0 ? default : Freeze().FindTop(query, r, hits);
    }

    /// <summary>The index as it is now, whatever is added or removed later; itself where it never changes.</summary>
    private protected virtual HalfspaceIndex Freeze() => this;

    private ReportCost FindTop(ReadOnlySpan<float> query, int r, HitList hits)
    {
        float[] point = new float[Dimension];
        double[] sample = SampleScores(query, point);
        ReportCost cost = new(sample.Length, 0, (long)sample.Length * Dimension * sizeof(float));
        for (double wanted = (1.25 * r) + 8; hits.Count < r; wanted *= 4)
        {
            double rank = Math.Ceiling(wanted * sample.Length / Math.Max(Count, 1));
            float bias = rank < sample.Length ? Below(sample[(int)rank]) : float.NegativeInfinity;
            cost += Report(query, bias, hits);
            if (bias == float.NegativeInfinity) break;
        }

        if (hits.Count <= r) return cost;
        cost += new ReportCost(hits.Count, 0, (long)hits.Count * Dimension * sizeof(float));
        KeepLargest(query, r, hits, point);
        return cost;
    }

    // Scores of points evenly spaced by id, descending.
    private double[] SampleScores(ReadOnlySpan<float> query, float[] point)
    {
        List<double> scores = new(SampleSize);
        int limit = IdLimit;
        for (int i = 0; i < Math.Min(limit, SampleSize); i++)
            if (TryCopyPoint((int)((long)i * limit / Math.Min(limit, SampleSize)), point)) scores.Add(ExactDot.Sum<float>(query, point, out _));
        scores.Sort((a, b) => b.CompareTo(a));
        return [.. scores];
    }

    private void KeepLargest(ReadOnlySpan<float> query, int r, HitList hits, float[] point)
    {
        double[] scores = new double[hits.Count];
        double error = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            TryCopyPoint(hits[i], point);
            scores[i] = ExactDot.Sum<float>(query, point, out double e);
            error = Math.Max(error, e);
        }

        double[] ordered = [.. scores];
        Array.Sort(ordered);
        double border = ordered[^r];

        // Sums this close to the r-th could be in another order as real numbers.
        List<(double Score, int Id)> close = [];
        int sure = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            if (scores[i] > border + (2 * error)) sure++;
            else if (scores[i] >= border - (2 * error))
            {
                TryCopyPoint(hits[i], point);
                close.Add((ExactDot.Rounded<float>(query, point), hits[i]));
            }
        }

        close.Sort((a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Id.CompareTo(b.Id));
        HashSet<int> taken = [.. close.Take(r - sure).Select(c => c.Id)];
        Span<int> ids = hits.Writable;
        int kept = 0;
        for (int i = 0; i < scores.Length; i++)
            if (scores[i] > border + (2 * error) || taken.Contains(ids[i])) ids[kept++] = ids[i];
        hits.Truncate(kept);
    }

    private static float Below(double score) => MathF.BitDecrement((float)Math.Clamp(score, float.MinValue, float.MaxValue));
}
