using Halfspace.Kernels;
using Halfspace.Reporting.Storage;
using Halfspace.Reporting.Trees;

namespace Halfspace.Reporting;

/// <summary>A tree of balls: a baseline for <see cref="PartitionTree"/>.</summary>
/// <remarks>Omohundro 1989; the bound ⟨a,c⟩ + ‖a‖r is that of Ram and Gray, "Maximum inner-product search using cone trees", KDD 2012.
/// Cells are those of <see cref="KdTree"/>. O(n log n) to build, O(n) space, no bound on the query below O(n).</remarks>
public sealed class BallTree : CellTree
{
    private const int LeafSize = 16;

    /// <summary>Builds a tree over a set, which is not copied.</summary>
    /// <param name="points">n points; ids are their rows, 0 .. n−1.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    public BallTree(PointSet points, SimdTier? tier = null)
        : this(points, Cells.Build(NotNull(points).Count, LeafSize, new MedianSplit(points)), tier)
    {
    }

    private BallTree(PointSet points, Cells cells, SimdTier? tier) : base(points, cells, BallBounds.Build(cells, points), tier)
    {
    }

    private BallTree(PointSet points, Cells cells, CellBounds bounds, SimdTier? tier) : base(points, cells, bounds, tier)
    {
    }

    internal override IndexKind Kind => IndexKind.BallTree;

    internal static BallTree Read(IndexReader reader, SimdTier? tier)
    {
        PointSet points = reader.Points();
        Cells cells = Cells.Read(reader, points.Count);
        return new BallTree(points, cells, BallBounds.Read(reader, cells), tier);
    }
}
