using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;
using Halfspace.Reporting.Spatial;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting;

/// <summary>TODO</summary>
public sealed class SpaceLayers : HalfspaceIndex
{
    /// <summary>Layers that are peeled; half-spaces that reach deeper are the tree's.</summary>
    public const int MaxLayers = 32;

    private readonly PointSet _points;
    private readonly Shell _shell;
    private readonly float[] _coordinates;
    private readonly DirectionTable _table;
    private readonly PartitionTree _tree;

    /// <summary>Peels a set. The points are not copied, but those of the layers are kept once more in their order.</summary>
    /// <param name="points">n points of space; ids are their rows, 0 .. n−1.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    /// <exception cref="ArgumentException">The points do not have three coordinates.</exception>
    public SpaceLayers(PointSet points, SimdTier? tier = null) : this(InSpace(points), Shell.Peel(points, MaxLayers), new PartitionTree(points, tier), tier)
    {
    }

    private SpaceLayers(PointSet points, Shell shell, PartitionTree tree, SimdTier? tier) : base(3, ReportKernel.For(tier))
    {
        _points = points;
        _shell = shell;
        _coordinates = new float[3 * (shell.IdStarts.Length - 1)];
        for (int v = 0; v < shell.IdStarts.Length - 1; v++) points.CopyRow(shell.Ids[shell.IdStarts[v]], _coordinates.AsSpan(3 * v));
        _table = new DirectionTable(shell, _coordinates);
        _tree = tree;
    }

    /// <inheritdoc/>
    public override int Count => _points.Count;

    /// <summary>How many layers there are.</summary>
    public int LayerCount => _shell.Starts.Length - 1;

    /// <summary>Points in the layers.</summary>
    public int LayeredPoints => _shell.Ids.Length;

    /// <summary>Bytes beyond the points' own.</summary>
    public long StructureBytes => _tree.StructureBytes + _table.Bytes
        + (4L * (_coordinates.Length + _shell.Ids.Length + _shell.IdStarts.Length + _shell.Neighbours.Length + _shell.NeighbourStarts.Length));

    internal override IndexKind Kind => IndexKind.SpaceLayers;

    /// <inheritdoc/>
    public override bool TryCopyPoint(int id, Span<float> into) => _tree.TryCopyPoint(id, into);

    internal static SpaceLayers Read(IndexReader reader, SimdTier? tier)
    {
        if (reader.Dimension != 3) throw reader.Bad($"it has layers of dimension {reader.Dimension}, which exist in space only");
        PartitionTree tree = PartitionTree.Read(reader, tier);
        PointSet points = reader.Points();
        return new SpaceLayers(points, Shell.Read(reader, points), tree, tier);
    }

    internal override void Write(IndexWriter writer)
    {
        _tree.Write(writer);
        _shell.Write(writer);
    }

    private protected override ReportCost ReportCore(ReadOnlySpan<float> query, float bias, HitList hits)
    {
        VertexMarks marks = hits.Scratch.Marks;
        marks.Begin(_coordinates.Length / 3);
        int scored = 0, compared = 0;
        for (int layer = 0; layer < LayerCount; layer++)
        {
            int top = DirectionTable.Climb(_shell, _coordinates, query, _table.Near(layer, query), ref compared);
            scored++;
            if (!IsInside(query, bias, top))
            {
                hits.Sort();
                return CostOf(scored, compared);
            }

            scored += AddConnected(query, bias, top, marks, hits);
        }

        // No layer ended the query. Without points inside the layers that is all; else the tree has them.
        ReportCost cost = CostOf(scored, compared);
        if (LayeredPoints < Count)
        {
            hits.Clear();
            return cost + _tree.Report(query, bias, hits);
        }

        hits.Sort();
        return cost;
    }

    // The layer's vertices inside are connected by edges among them: from each a climb inside leads to the top.
    private int AddConnected(ReadOnlySpan<float> query, float bias, int top, VertexMarks marks, HitList hits)
    {
        int scored = 0;
        marks.TryMark(top);
        marks.Pending.Push(top);
        while (marks.Pending.TryPop(out int vertex))
        {
            hits.AddRange(_shell.IdsOf(vertex));
            foreach (int neighbour in _shell.NeighboursOf(vertex))
            {
                if (!marks.TryMark(neighbour)) continue;
                scored++;
                if (IsInside(query, bias, neighbour)) marks.Pending.Push(neighbour);
            }
        }

        return scored;
    }

    private bool IsInside(ReadOnlySpan<float> query, float bias, int vertex) =>
        ExactDot.AtLeast<float>(query, _coordinates.AsSpan(3 * vertex, 3), bias);

    private static ReportCost CostOf(int scored, int compared) => new(scored, compared, (scored + compared) * 12L);

    private static PointSet InSpace(PointSet points)
    {
        ArgumentNullException.ThrowIfNull(points);
        return points.Dimension == 3
            ? points
            : throw new ArgumentException($"Space layers are for points of 3 coordinates; these have {points.Dimension}. Use PartitionTree.", nameof(points));
    }
}
