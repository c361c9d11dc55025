using Halfspace.Kernels;
using Halfspace.Reporting.Storage;
using Halfspace.Reporting.Trees;

namespace Halfspace.Reporting;

/// <summary>A k-d tree with tight boxes: a baseline for <see cref="PartitionTree"/>.</summary>
/// <remarks>Bentley 1975; cells are halved by the median along their longest side, O(n log n) to build and O(n) space. A query visits what
/// its bounding plane crosses: O(n^{1−1/d} + k) where points are spread evenly, up to O(n) for planes that cut boxes slantwise.</remarks>
public sealed class KdTree : CellTree
{
    private const int LeafSize = 16;

    /// <summary>Builds a tree over a set, which is not copied.</summary>
    /// <param name="points">n points; ids are their rows, 0 .. n−1.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    public KdTree(PointSet points, SimdTier? tier = null)
        : this(points, Cells.Build(NotNull(points).Count, LeafSize, new MedianSplit(points)), tier)
    {
    }

    private KdTree(PointSet points, Cells cells, SimdTier? tier)
        : base(points, cells, SupportBounds.Build(cells, points, boxes: true), tier)
    {
    }

    private KdTree(PointSet points, Cells cells, CellBounds bounds, SimdTier? tier) : base(points, cells, bounds, tier)
    {
    }

    internal override IndexKind Kind => IndexKind.KdTree;

    internal static KdTree Read(IndexReader reader, SimdTier? tier)
    {
        PointSet points = reader.Points();
        Cells cells = Cells.Read(reader, points.Count);
        return new KdTree(points, cells, SupportBounds.Read(reader, cells, boxes: true), tier);
    }
}
