namespace Halfspace.Reporting;

/// <summary>The work one call did.</summary>
/// <param name="PointsScored">Points whose coordinates were read; points reported with a whole cell, or by their sketch alone, are not among them.</param>
/// <param name="NodesVisited">Cells of the structure (tree nodes, hull edges, buckets) tested as a whole.</param>
/// <param name="BytesRead">Bytes of points, sketches and nodes that were read, from their sizes.</param>
/// <param name="SketchesScored">Points whose sketch was read.</param>
public readonly record struct ReportCost(long PointsScored, long NodesVisited, long BytesRead, long SketchesScored = 0)
{
    /// <summary>The work of both.</summary>
    public static ReportCost operator +(ReportCost a, ReportCost b) => Add(a, b);

    /// <summary>The work of both.</summary>
    public static ReportCost Add(ReportCost a, ReportCost b) => new(
        a.PointsScored + b.PointsScored, a.NodesVisited + b.NodesVisited, a.BytesRead + b.BytesRead, a.SketchesScored + b.SketchesScored);
}
