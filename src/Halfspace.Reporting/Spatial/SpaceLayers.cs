using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;
using Halfspace.Reporting.Spatial;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting;

/// <summary>The outer convex layers of points of space, over a <see cref="PartitionTree"/> of all of them: Part 2 of the paper's structure
/// for d = 3, for half-spaces that hold few points.</summary>
/// <remarks>
/// <para>A half-space without a vertex of a layer holds no point within that layer. The vertices of a convex surface in a half-space are
/// connected by its edges, since from each a path of rising edges leads to the highest. So a query climbs to a layer's extreme vertex,
/// spreads along edges while vertices are inside, and goes on to the next layer, until the first without a hit. A climb begins from a
/// table of directions with about as many entries as the layer has vertices.</para>
/// <para>At most 32 layers are peeled, by quickhull with exact orientation. A query with hits in all of them is asked again of the tree.
/// For the others the cost is O(k) where vertices have few neighbours and climbs are short, as they are on average; neither is bounded at
/// worst. Measured with k = 32 on uniform, Gaussian and clustered sets, balls and spheres, n = 2^10 … 2^17: 55–114 points scored and 10–77
/// comparisons, with slopes of points of 0.00–0.03. Chan 1998, "Random sampling, halfspace range reporting, and construction of
/// (≤k)-levels in three dimensions", has O(log n + k) expected for every k and every set; docs/decisions/0060 says why it is not
/// here.</para>
/// <para>Space O(n). Points within a facet, and all where what remains is in one plane, are left to later layers or to the tree.</para>
/// </remarks>
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
    public SpaceLayers(PointSet points, SimdTier? tier = null)
        : this(OfDimension(points, 3, "Space layers"), Shell.Peel(points, MaxLayers), new PartitionTree(points, tier), tier)
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
        + (4L * (_coordinates.Length + _shell.Ids.Length + _shell.IdStarts.Length))
        + (4L * (_shell.Neighbours.Length + _shell.NeighbourStarts.Length));

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
}
