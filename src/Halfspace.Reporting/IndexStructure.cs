using Halfspace.Kernels;

namespace Halfspace.Reporting;

/// <summary>A structure that can be built of any point set of some dimensions.</summary>
/// <param name="Name">Its name in measurements.</param>
/// <param name="MinDimension">The least d.</param>
/// <param name="MaxDimension">The largest d.</param>
/// <param name="Exponent">The exponent e of its worst-case query bound O(nᵉ + k) at d, logarithms aside; 1 where it has no bound below n.</param>
/// <param name="Build">Builds it.</param>
public sealed record IndexStructure(
    string Name, int MinDimension, int MaxDimension, Func<int, double> Exponent, Func<PointSet, SimdTier?, HalfspaceIndex> Build)
{
    private const int AnyDimension = 1 << 16;

    /// <summary>Every structure of this library, the scan first.</summary>
    public static IReadOnlyList<IndexStructure> All { get; } =
    [
        new("flat", 1, AnyDimension, _ => 1, (points, tier) => new FlatIndex(points, tier)),
        new("sketch", 1, AnyDimension, _ => 1, (points, tier) => new SketchIndex(points, tier: tier)),
        new("norm-buckets", 1, AnyDimension, _ => 1, (points, tier) => new NormBuckets(points, tier)),
        new("partition-tree", 1, AnyDimension, d => 1 - (1.0 / d), (points, tier) => new PartitionTree(points, tier)),
        new("kd-tree", 1, AnyDimension, _ => 1, (points, tier) => new KdTree(points, tier)),
        new("ball-tree", 1, AnyDimension, _ => 1, (points, tier) => new BallTree(points, tier)),
        new("convex-layers", 2, 2, _ => 0, (points, tier) => new ConvexLayers(points, tier)),
        new("space-layers", 3, 3, _ => 1 - (1.0 / 3), (points, tier) => new SpaceLayers(points, tier)),
    ];

    /// <summary>The structures for a dimension.</summary>
    public static IEnumerable<IndexStructure> For(int dimension) =>
        All.Where(structure => dimension >= structure.MinDimension && dimension <= structure.MaxDimension);
}
