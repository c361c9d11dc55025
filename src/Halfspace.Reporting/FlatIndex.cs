using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting;

/// <summary>Every point scored: exact, any dimension, nothing to build. What the other structures are tested and measured against.</summary>
/// <remarks>O(n·d) a query, no space beyond the points. Scores are floats with SIMD; only scores within their own rounding of b are decided in
/// the real numbers. A batch reads each block of points once for all its queries.</remarks>
public sealed class FlatIndex : UpdatableIndex
{
    // A block of points that stays in the cache while the queries of a batch pass over it.
    private const int BlockBytes = 1 << 16;

    private LivePoints _state;

    /// <summary>Indexes a set without copying it.</summary>
    /// <param name="points">n points; ids are their rows, 0 .. n−1.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    public FlatIndex(PointSet points, SimdTier? tier = null) : this(new LivePoints(new PointLog(NotNull(points)), RemovedSet.Empty), tier)
    {
    }

    /// <summary>An empty index.</summary>
    /// <param name="dimension">d.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    public FlatIndex(int dimension, SimdTier? tier = null) : this(PointSet.From(ReadOnlyMemory<float>.Empty, dimension), tier)
    {
    }

    private FlatIndex(LivePoints state, SimdTier? tier) : base(state.Log.Dimension, ReportKernel.For(tier)) => _state = state;

    /// <inheritdoc/>
    public override int Count => Volatile.Read(ref _state).Count;

    /// <inheritdoc/>
    public override int IdLimit => Volatile.Read(ref _state).Log.Count;

    internal override IndexKind Kind => IndexKind.Flat;

    /// <inheritdoc/>
    public override int Add(ReadOnlySpan<float> point)
    {
        LivePoints state = _state;
        Volatile.Write(ref _state, state with { Log = state.Log.Append(point, state.Log.Count) });
        return state.Log.Count;
    }

    /// <inheritdoc/>
    public override bool Remove(int id) => LivePoints.Remove(ref _state, id);

    /// <inheritdoc/>
    public override bool TryCopyPoint(int id, Span<float> into) => Volatile.Read(ref _state).TryCopy(id, into);

    /// <summary>An index of rows as they are in a log.</summary>
    internal static FlatIndex Over(LivePoints points, SimdTier tier) => new(points, tier);

    internal static FlatIndex Read(IndexReader reader, SimdTier? tier) => new(LivePoints.Read(reader), tier);

    internal override void Write(IndexWriter writer) => Volatile.Read(ref _state).Write(writer);

    private protected override ReportCost ReportCore(ReadOnlySpan<float> query, float bias, HitList hits)
    {
        LivePoints state = Volatile.Read(ref _state);
        long bytes = 0;
        for (int i = 0; i < state.Log.Segments.Length; i++)
        {
            PointLog.Segment segment = state.Log.Segments[i];
            int rows = state.Log.RowsOf(i);
            PointTest test = new(Kernel, segment.Points, new HalfspaceTest(query, bias, state.Log.MaxNorm));
            test.AddRange(0, rows, segment.FirstId, hits);
            bytes += (long)rows * segment.Points.BytesPerPoint;
        }

        state.Removed.Filter(hits);
        return new(state.Log.Count, 0, bytes);
    }

    private protected override ReportCost ReportBatchCore(ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, ReadOnlySpan<HitList> hits)
    {
        LivePoints state = Volatile.Read(ref _state);
        long bytes = 0;
        for (int i = 0; i < state.Log.Segments.Length; i++)
        {
            PointLog.Segment segment = state.Log.Segments[i];
            int rows = state.Log.RowsOf(i), block = Math.Max(16, BlockBytes / segment.Points.BytesPerPoint);
            for (int row = 0; row < rows; row += block)
            {
                int some = Math.Min(block, rows - row);
                for (int q = 0; q < biases.Length; q++)
                {
                    HalfspaceTest test = new(queries.Slice(q * Dimension, Dimension), biases[q], state.Log.MaxNorm);
                    PointTest pointTest = new(Kernel, segment.Points, test);
                    pointTest.AddRange(row, some, segment.FirstId + row, hits[q]);
                }
            }

            bytes += (long)rows * segment.Points.BytesPerPoint;
        }

        for (int q = 0; q < biases.Length; q++) state.Removed.Filter(hits[q]);
        return new((long)state.Log.Count * biases.Length, 0, bytes);
    }

    private protected override HalfspaceIndex Freeze() => Over(Volatile.Read(ref _state), Kernel.Tier);

    private protected override void AddAll(HitList hits) => Volatile.Read(ref _state).AddAll(hits);
}
