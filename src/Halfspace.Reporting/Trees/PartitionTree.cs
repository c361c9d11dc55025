using Halfspace.Kernels;
using Halfspace.Reporting.Storage;
using Halfspace.Reporting.Trees;

namespace Halfspace.Reporting;

/// <summary>A partition tree: Part 1 of the paper's structure, for any d. Linear space, O(n log n) to build for fixed d.</summary>
/// <remarks>
/// <para>After Matoušek 1992, "Efficient partition trees" and "Reporting points in halfspaces", with arrangements in the place of his
/// cuttings: a cell is cut by t hyperplanes at once, chosen to divide its points evenly. They make at most Φ_d(t) = C(t,0) + … + C(t,d)
/// regions, of which any hyperplane in general position crosses at most Φ_{d−1}(t). A cell that they divide badly (one region with over
/// 3/4 of the points) is halved instead, so the depth is O(log n). t is 8, 7 and 7 at d = 2, 3 and 4: a plane crosses 9 of 37, 29 of 64,
/// 64 of 99 regions.</para>
/// <para>Bounds. With equal regions a plane would cross regions of O(n^e) points, e = log Φ_{d−1}(t) / log Φ_d(t) = 0.61, 0.81, 0.91.
/// Regions are not equal; <see cref="CrossingBound"/> holds for the tree that was built, whatever the plane: n^0.84, n^0.98 and n^1.00 at
/// n = 2^20, which from d = 3 on says little. Crossing numbers that were measured are far below: the worst plane found, through d points
/// and climbed from the worst of 400, scores n^0.65, n^0.79, n^0.86 points at n = 2^18, with slopes of at most 0.50, 0.69, 0.78 from 2^10
/// (docs/reporting.md); no plane is known to do worse, and none is proved not to. The theorem's n^{1−1/d} is not proved for this tree.
/// From d = 5 on a plane may cross all regions.</para>
/// <para>Measured, slopes of points scored: planes with n^0.945 points beyond them, n = 2^10 … 2^18, uniform and Gaussian sets, 0.52,
/// 0.70, 0.79 at d = 2, 3, 4 beside 1 − 1/d = 0.50, 0.67, 0.75; planes with 32 points beyond them, n = 2^10 … 2^20, uniform, Gaussian and
/// clustered sets, 0.03–0.16, 0.04–0.18, 0.06–0.22, that is 67–330 points at n = 2^20.</para>
/// <para>Queries test polytopes about a cell's points, with reaches in the 3^d − 1 directions of −1, 0 and 1 (boxes from d = 5 on), not
/// the regions themselves: a plane can cross a polytope and miss the region. Cuts follow the points through any affine map, polytopes do
/// not: on a thin slanted band in the plane 1,441 of 65,536 points were scored where <see cref="KdTree"/> scored 56.</para>
/// </remarks>
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

    private PartitionTree(PointSet points, Cells cells, SimdTier? tier)
        : base(points, cells, SupportBounds.Build(cells, points, boxes: false), tier)
    {
    }

    private PartitionTree(PointSet points, Cells cells, CellBounds bounds, SimdTier? tier) : base(points, cells, bounds, tier)
    {
    }

    internal override IndexKind Kind => IndexKind.PartitionTree;

    /// <summary>No hyperplane in general position crosses leaf regions of more points than this: every cell's Φ_{d−1}(t) heaviest
    /// children, added up from the leaves.</summary>
    /// <remarks>Of the regions, not of the polytopes that queries test. Loose: it lets one plane cross the heaviest children of every cell at
    /// once, and from d = 3 on is near n. O(n) to compute.</remarks>
    public long CrossingBound => Cells.CrossingBound();

    internal static PartitionTree Read(IndexReader reader, SimdTier? tier)
    {
        PointSet points = reader.Points();
        Cells cells = Cells.Read(reader, points.Count);
        return new PartitionTree(points, cells, SupportBounds.Read(reader, cells, boxes: false), tier);
    }
}
