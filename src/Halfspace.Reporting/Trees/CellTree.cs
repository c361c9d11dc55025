using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;
using Halfspace.Reporting.Storage;
using Halfspace.Reporting.Trees;

namespace Halfspace.Reporting;

/// <summary>Trees of cells: a cell whose shape is outside the half-space is passed over, one inside is reported whole, others are
/// opened.</summary>
/// <remarks>The trees differ in how cells are cut and in the shapes about them; the walk is one. Bounds of shapes include their rounding,
/// and points of open leaves are tested each, so results are exact. The points are not copied. Immutable: any number of readers.</remarks>
public abstract class CellTree : HalfspaceIndex
{
    /// <summary>Cells bounded in one go.</summary>
    internal const int Siblings = 32;

    private readonly PointSet _points;
    private readonly Cells _cells;
    private readonly CellBounds _bounds;

    private protected CellTree(PointSet points, Cells cells, CellBounds bounds, SimdTier? tier)
        : base(points.Dimension, ReportKernel.For(tier))
    {
        _points = points;
        _cells = cells;
        _bounds = bounds;
    }

    /// <inheritdoc/>
    public override int Count => _points.Count;

    /// <summary>Bytes beyond the points' own: O(n).</summary>
    public long StructureBytes => _bounds.Bytes + (4L * _points.Count) + (4L * Cell.Ints * _cells.All.Length);

    private protected Cells Cells => _cells;

    /// <inheritdoc/>
    public override bool TryCopyPoint(int id, Span<float> into)
    {
        if ((uint)id >= (uint)Count) return false;
        _points.CopyRow(id, into);
        return true;
    }

    internal override void Write(IndexWriter writer)
    {
        writer.AddPoints(_points);
        _cells.Write(writer);
        _bounds.Write(writer);
    }

    private protected override ReportCost ReportCore(ReadOnlySpan<float> query, float bias, HitList hits)
    {
        if (Count == 0) return default;
        PointTest test = new(Kernel, _points, query, bias);
        Work work = default;
        Visit(test, _bounds.Prepare(query, test.QueryNorm, hits.Scratch), bias, 0, 1, hits, ref work);
        hits.Sort();
        long bytes = (work.Scored * _points.BytesPerPoint) + (work.Tested * (_bounds.BytesPerTest + (4L * Cell.Ints)));
        return new(work.Scored, work.Tested, bytes);
    }

    // Comparisons with NaN are false, so a bound that overflowed opens its cell.
    private void Visit(in PointTest test, in CellQuery query, float bias, int first, int count, HitList hits, ref Work work)
    {
        Span<double> lower = stackalloc double[Siblings], upper = stackalloc double[Siblings];
        work.Tested += count;
        for (int start = first; start < first + count; start += Siblings)
        {
            int some = Math.Min(Siblings, first + count - start);
            _bounds.Bracket(query, start, lower[..some], upper[..some]);
            for (int i = 0; i < some; i++)
            {
                if (upper[i] < bias) continue;
                Cell cell = _cells.All[start + i];
                if (lower[i] >= bias)
                {
                    hits.AddRange(_cells.RowsOf(cell));
                }
                else if (cell.Children > 0)
                {
                    Visit(test, query, bias, cell.Child, cell.Children, hits, ref work);
                }
                else
                {
                    work.Scored += cell.Size;
                    test.AddSelected(_cells.RowsOf(cell), hits);
                }
            }
        }
    }

    private struct Work
    {
        public long Scored;
        public long Tested;
    }
}
