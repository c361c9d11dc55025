using Halfspace.Kernels;

namespace Halfspace.Reporting.Tests;

/// <summary>Every structure that the tests run over: a new one needs one line here.</summary>
public static class Structures
{
    /// <summary>Dimensions of the issue.</summary>
    public static readonly int[] Dimensions = [1, 2, 3, 4, 8, 16, 32, 64, 128];

    private static readonly Structure[] All =
    [
        new("flat", (points, tier) => new FlatIndex(points, tier)),
        new("sketch", (points, tier) => new SketchIndex(points, tier: tier)),
        new("norm buckets", (points, tier) => new NormBuckets(points, tier)),
        new(
            "dynamic norm buckets",
            (points, tier) => new DynamicIndex<NormBuckets>(points, part => new NormBuckets(part, tier), buffer: 8, tier),
            (path, tier) => DynamicIndex.Load(path, part => new NormBuckets(part, tier), buffer: 8, tier)),
        new(
            "dynamic sketch",
            (points, tier) => new DynamicIndex<SketchIndex>(points, part => new SketchIndex(part, tier: tier), buffer: 8, tier),
            (path, tier) => DynamicIndex.Load(path, part => new SketchIndex(part, tier: tier), buffer: 8, tier)),
        new(
            "dynamic partition tree",
            (points, tier) => new DynamicIndex<PartitionTree>(points, part => new PartitionTree(part, tier), buffer: 8, tier),
            (path, tier) => DynamicIndex.Load(path, part => new PartitionTree(part, tier), buffer: 8, tier),
            MaxDimension: 4),
        new(
            "dynamic convex layers",
            (points, tier) => new DynamicIndex<ConvexLayers>(points, part => new ConvexLayers(part, tier), buffer: 8, tier),
            (path, tier) => DynamicIndex.Load(path, part => new ConvexLayers(part, tier), buffer: 8, tier),
            MinDimension: 2,
            MaxDimension: 2),
        new("partition tree", (points, tier) => new PartitionTree(points, tier)),
        new("k-d tree", (points, tier) => new KdTree(points, tier)),
        new("ball tree", (points, tier) => new BallTree(points, tier)),
        new("convex layers", (points, tier) => new ConvexLayers(points, tier), MinDimension: 2, MaxDimension: 2),
        new("space layers", (points, tier) => new SpaceLayers(points, tier), MinDimension: 3, MaxDimension: 3),
    ];

    /// <summary>Name, dimension and tier of everything that can be built.</summary>
    public static TheoryData<string, int, SimdTier> Cases()
    {
        TheoryData<string, int, SimdTier> cases = [];
        foreach (Structure structure in All)
            foreach (int dimension in Dimensions)
                foreach (SimdTier tier in Simd.Available)
                    if (dimension >= structure.MinDimension && dimension <= structure.MaxDimension) cases.Add(structure.Name, dimension, tier);
        return cases;
    }

    /// <summary>Name and one dimension for each structure, for what does not depend on either.</summary>
    public static TheoryData<string, int> Names()
    {
        TheoryData<string, int> names = [];
        foreach (Structure structure in All) names.Add(structure.Name, Math.Clamp(2, structure.MinDimension, structure.MaxDimension));
        return names;
    }

    /// <summary>Structures that have Add and Remove.</summary>
    public static TheoryData<string, int> Updatable()
    {
        TheoryData<string, int> names = [];
        foreach (Structure structure in All)
        {
            int dimension = Math.Clamp(3, structure.MinDimension, structure.MaxDimension);
            using HalfspaceIndex index = structure.Build(PointSet.From(new float[dimension], dimension), null);
            if (index is UpdatableIndex) names.Add(structure.Name, dimension);
        }

        return names;
    }

    public static HalfspaceIndex Build(string name, PointSet points, SimdTier? tier = null) =>
        All.Single(s => s.Name == name).Build(points, tier);

    public static HalfspaceIndex Load(string name, string path, SimdTier? tier = null) =>
        All.Single(s => s.Name == name).Load?.Invoke(path, tier) ?? HalfspaceIndex.Load(path, tier);

    private sealed record Structure(
        string Name,
        Func<PointSet, SimdTier?, HalfspaceIndex> Build,
        Func<string, SimdTier?, HalfspaceIndex>? Load = null,
        int MinDimension = 1,
        int MaxDimension = 1 << 20);
}
