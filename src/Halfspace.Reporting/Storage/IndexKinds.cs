using Halfspace.Kernels;

namespace Halfspace.Reporting.Storage;

/// <summary>The one place that knows which structure reads which kind of file.</summary>
internal static class IndexKinds
{
    public static HalfspaceIndex Read(IndexReader reader, SimdTier? tier) => reader.Kind switch
    {
        IndexKind.Flat => FlatIndex.Read(reader, tier),
        IndexKind.Sketch => SketchIndex.Read(reader, tier),
        IndexKind.NormBuckets => NormBuckets.Read(reader, tier),
        IndexKind.Dynamic => throw reader.Bad("it is a dynamic index, which DynamicIndex.Load reads"),
        IndexKind.PartitionTree => PartitionTree.Read(reader, tier),
        IndexKind.KdTree => KdTree.Read(reader, tier),
        IndexKind.BallTree => BallTree.Read(reader, tier),
        IndexKind.ConvexLayers => ConvexLayers.Read(reader, tier),
        IndexKind.SpaceLayers => SpaceLayers.Read(reader, tier),
        _ => throw reader.Bad($"it holds a structure of kind {(int)reader.Kind}, which this program does not know"),
    };
}
