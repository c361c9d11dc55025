using Halfspace.Kernels;
using Halfspace.Reporting.Storage;
using Halfspace.Reporting.Trees;

namespace Halfspace.Reporting;

/// <summary>TODO</summary>
public sealed class PartitionTree : CellTree
{
    private const int LeafSize = 16;

    /// <summary>Builds a tree over a set, which is not copied.</summary>
    /// <param name="points">n points; ids are their rows, 0 .. n−1.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    public PartitionTree(PointSet points, SimdTier? tier = null)
        : this(points, Cells.Build(NotNull(points).Count, LeafSize, new ArrangementSplit(points, LeafSize)), tier)
    {
    }

    private PartitionTree(PointSet points, Cells cells, SimdTier? tier) : base(points, cells, SupportBounds.Build(cells, points, boxes: false), tier)
    {
    }

    private PartitionTree(PointSet points, Cells cells, CellBounds bounds, SimdTier? tier) : base(points, cells, bounds, tier)
    {
    }

    internal override IndexKind Kind => IndexKind.PartitionTree;

    /// <summary>b</summary>
    public long CrossingBound => Cells.CrossingBound();

    internal static PartitionTree Read(IndexReader reader, SimdTier? tier)
    {
        PointSet points = reader.Points();
        Cells cells = Cells.Read(reader, points.Count);
        return new PartitionTree(points, cells, SupportBounds.Read(reader, cells, boxes: false), tier);
    }
}
