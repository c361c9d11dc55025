namespace Halfspace.Reporting;

/// <summary>The work one call did.</summary>
/// <param name="PointsScored">Points whose own score or sketch was looked at; points reported with a whole cell are not among them.</param>
/// <param name="NodesVisited">Cells of the structure (tree nodes, hull edges, buckets, blocks) tested as a whole.</param>
/// <param name="BytesRead">Bytes of points, codes and nodes that were read; an estimate from their sizes.</param>
public readonly record struct ReportCost(long PointsScored, long NodesVisited, long BytesRead)
{
    /// <summary>The work of both.</summary>
    public static ReportCost operator +(ReportCost a, ReportCost b) => Add(a, b);

    /// <summary>The work of both.</summary>
    public static ReportCost Add(ReportCost a, ReportCost b) =>
        new(a.PointsScored + b.PointsScored, a.NodesVisited + b.NodesVisited, a.BytesRead + b.BytesRead);
}
