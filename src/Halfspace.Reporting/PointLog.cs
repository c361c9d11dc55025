using System.Collections.Immutable;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

/// <summary>Rows that are only ever appended: a first set in the caller's memory, then blocks of our own. Immutable, but for rows behind
/// <see cref="Count"/>, which the one writer fills before it publishes a log that counts them.</summary>
internal sealed class PointLog
{
    private const int FirstBlockRows = 256;
    private const int MaxBlockRows = 1 << 16;

    // Segment i holds ids from its FirstId on; only the last may be partly filled.
    private readonly ImmutableArray<Segment> _segments;

    private PointLog(int dimension, ImmutableArray<Segment> segments, int count, double maxNorm)
    {
        Dimension = dimension;
        _segments = segments;
        Count = count;
        MaxNorm = maxNorm;
    }

    public PointLog(PointSet points)
        : this(points.Dimension, points.Count == 0 ? [] : [new Segment(points, null, 0)], points.Count, points.MaxNorm)
    {
    }

    public int Dimension { get; }

    /// <summary>Rows ever appended.</summary>
    public int Count { get; }

    /// <summary>An upper bound of the rows' norms.</summary>
    public double MaxNorm { get; }

    public ImmutableArray<Segment> Segments => _segments;

    /// <summary>Rows of segment <paramref name="i"/> that count.</summary>
    public int RowsOf(int i) => (i + 1 < _segments.Length ? _segments[i + 1].FirstId : Count) - _segments[i].FirstId;

    /// <summary>A log with one row more. This one stays as it is for its readers.</summary>
    /// <param name="point">[d].</param>
    /// <param name="id">What the row is called where it is refused.</param>
    /// <exception cref="ArgumentException">The row is not [d] or not finite.</exception>
    public PointLog Append(ReadOnlySpan<float> point, int id)
    {
        if (point.Length != Dimension) throw new ArgumentException($"The point has {point.Length} coordinates; the index has {Dimension}.", nameof(point));
        double norm = PointSet.Measure(point, Dimension, id);
        ImmutableArray<Segment> segments = _segments;
        if (segments.IsEmpty || segments[^1].Buffer is not { } last || (Count - segments[^1].FirstId) * Dimension == last.Length)
        {
            int rows = Math.Clamp(Count, FirstBlockRows, MaxBlockRows);
            float[] block = new float[checked(rows * Dimension)];
            segments = segments.Add(new Segment(PointSet.OfBuffer(block, Dimension), block, Count));
        }

        Segment tail = segments[^1];
        point.CopyTo(tail.Buffer.AsSpan((Count - tail.FirstId) * Dimension));
        return new PointLog(Dimension, segments, checked(Count + 1), Math.Max(MaxNorm, norm));
    }

    /// <summary>A log with a whole set more, in its own memory.</summary>
    public PointLog Append(PointSet points) => points.Count == 0
        ? this
        : new PointLog(Dimension, _segments.Add(new Segment(points, null, Count)), checked(Count + points.Count), Math.Max(MaxNorm, points.MaxNorm));

    /// <summary>Copies a row; true.</summary>
    public bool CopyRow(int id, Span<float> into)
    {
        Segment segment = _segments[SegmentOf(id)];
        segment.Points.CopyRow(id - segment.FirstId, into);
        return true;
    }

    public int SegmentOf(int id)
    {
        int low = 0, high = _segments.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >> 1;
            if (_segments[middle].FirstId <= id) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    /// <summary>Where rows lie. Buffer is the block's memory where it is ours to fill.</summary>
    internal sealed record Segment(PointSet Points, float[]? Buffer, int FirstId);
}
