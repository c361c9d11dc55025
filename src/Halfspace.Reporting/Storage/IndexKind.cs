namespace Halfspace.Reporting.Storage;

/// <summary>What a file holds; the number is in its header. Numbers are never used again.</summary>
internal enum IndexKind
{
    Flat = 1,
    Sketch = 2,
    NormBuckets = 3,
    Dynamic = 4,
    PartitionTree = 16,
    KdTree = 17,
    BallTree = 18,
    ConvexLayers = 19,
    SpaceLayers = 20,
}
