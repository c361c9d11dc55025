using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

/// <summary>Half-space range reporting: {x : ⟨a,x⟩ ≥ b} over a set of points. INIT is a structure's constructor, QUERY is <see cref="Report"/>;
/// ADD and REMOVE are <see cref="UpdatableIndex"/>'s.</summary>
/// <remarks>
/// <para>A point is reported if and only if ⟨a,x⟩ ≥ b holds for the real numbers that the floats stand for (see <see cref="ExactDot"/>). No
/// structure, SIMD tier or order of summation can change a result, and ties at b are reported.</para>
/// <para>Any number of threads may read at once, each with its own <see cref="HitList"/>. Dispose only when no reader is inside.</para>
/// <para>arXiv:2410.10165, Algorithm "half-space reporting".</para>
/// </remarks>
public abstract partial class HalfspaceIndex : IDisposable
{
    private protected HalfspaceIndex(int dimension, ReportKernel kernel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        Dimension = dimension;
        Kernel = kernel;
    }

    /// <summary>Points in the index, without those removed.</summary>
    public abstract int Count { get; }

    /// <summary>d.</summary>
    public int Dimension { get; }

    /// <summary>Scores points.</summary>
    private protected ReportKernel Kernel { get; }

    /// <summary>Reports every point of the half-space {x : ⟨a,x⟩ ≥ b}.</summary>
    /// <param name="query">a, [d]. For attention a = q/√d.</param>
    /// <param name="bias">b. −∞ reports every point, +∞ none.</param>
    /// <param name="hits">Cleared, then filled with ids, ascending.</param>
    /// <returns>The work done.</returns>
    /// <exception cref="ArgumentException">query is not [d], or a value is NaN or infinite.</exception>
    public ReportCost Report(ReadOnlySpan<float> query, float bias, HitList hits)
    {
        ArgumentNullException.ThrowIfNull(hits);
        CheckQuery(query, bias);
        hits.Clear();
        if (float.IsFinite(bias) && query.ContainsAnyExcept(0f)) return ReportCore(query, bias, hits);
        if (bias <= 0) AddAll(hits);
        return default;
    }

    /// <summary>Counts the points of a half-space.</summary>
    /// <param name="query">a, [d].</param>
    /// <param name="bias">b.</param>
    /// <param name="count">How many points have ⟨a,x⟩ ≥ b.</param>
    /// <inheritdoc cref="Report"/>
    public virtual ReportCost CountReported(ReadOnlySpan<float> query, float bias, out int count)
    {
        HitList hits = new();
        ReportCost cost = Report(query, bias, hits);
        count = hits.Count;
        return cost;
    }

    /// <summary>Reports for several half-spaces; structures that scan share one pass over their memory.</summary>
    /// <param name="queries">[m × d], row-major.</param>
    /// <param name="biases">[m].</param>
    /// <param name="hits">m lists; list i is cleared and filled with the ids of half-space i, ascending.</param>
    /// <returns>The work of all.</returns>
    /// <exception cref="ArgumentException">Shapes differ, or a value is NaN or infinite.</exception>
    public ReportCost ReportBatch(ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, ReadOnlySpan<HitList> hits)
    {
        if (queries.Length != (long)biases.Length * Dimension)
            throw new ArgumentException($"{biases.Length} biases need {(long)biases.Length * Dimension} query values; there are {queries.Length}.", nameof(queries));
        if (hits.Length < biases.Length)
            throw new ArgumentException($"{biases.Length} queries need as many hit lists; there are {hits.Length}.", nameof(hits));
        for (int i = 0; i < biases.Length; i++)
        {
            CheckQuery(queries.Slice(i * Dimension, Dimension), biases[i]);
            hits[i].Clear();
        }

        return ReportBatchCore(queries, biases, hits);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases a mapped file where there is one.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing) _file?.Dispose();
    }

    /// <summary>Appends the ids, ascending, to an empty list. The query is finite and not zero; the bias is finite.</summary>
    private protected abstract ReportCost ReportCore(ReadOnlySpan<float> query, float bias, HitList hits);

    /// <summary>Appends the id of every point, ascending.</summary>
    private protected virtual void AddAll(HitList hits) => hits.AddRange(0, Count);

    /// <summary>The batch; lists are empty and values are checked.</summary>
    private protected virtual ReportCost ReportBatchCore(ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, ReadOnlySpan<HitList> hits)
    {
        ReportCost cost = default;
        for (int i = 0; i < biases.Length; i++) cost += Report(queries.Slice(i * Dimension, Dimension), biases[i], hits[i]);
        return cost;
    }

    private protected static PointSet OfDimension(PointSet points, int dimension, string structure)
    {
        ArgumentNullException.ThrowIfNull(points);
        return points.Dimension == dimension
            ? points
            : throw new ArgumentException(
                $"{structure} are for points of {dimension} coordinates; these have {points.Dimension}. Use PartitionTree.", nameof(points));
    }

    private protected static T NotNull<T>(T value) where T : class
    {
        ArgumentNullException.ThrowIfNull(value);
        return value;
    }

    private protected void CheckQuery(ReadOnlySpan<float> query, float bias)
    {
        if (query.Length != Dimension)
            throw new ArgumentException($"The query has {query.Length} coordinates; the points have {Dimension}.", nameof(query));
        if (float.IsNaN(bias)) throw new ArgumentException("The bias is NaN; give a number or an infinity.", nameof(bias));
        for (int i = 0; i < query.Length; i++)
            if (!float.IsFinite(query[i])) throw new ArgumentException($"The query has {query[i]} at coordinate {i}; give finite coordinates.", nameof(query));
    }
}
