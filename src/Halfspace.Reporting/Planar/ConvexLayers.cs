using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;
using Halfspace.Reporting.Geometry;
using Halfspace.Reporting.Planar;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting;

/// <summary>Nested convex hulls of points of the plane: Part 2 of the paper's structure for d = 2. A query takes O(log n + k) time, in
/// space O(n).</summary>
/// <remarks>
/// <para>Chazelle, Guibas and Lee 1985, "The power of geometric duality". The hull of all points is the first layer, the hull of the
/// others the second, and so on. A half-plane that holds no vertex of a layer holds no point of the layers inside. So a query finds the
/// outermost layer's extreme vertex in its direction by one binary search, walks to both sides while vertices are inside, and goes to the
/// next layer's extreme vertex by fractional cascading. It stops at the first layer without a hit: at most three tests a layer beyond its
/// hits, and every layer but the last has one.</para>
/// <para>Layers are peeled in O(n log n), as by Chazelle's algorithm of 1985, by removals from a tree of hulls (Hershberger and Suri
/// 1992): see HullTree. 2^20 points take 2 to 6 s. Orientation is exact. Equal points are one vertex.</para>
/// <para>The bound on the walk from the cascaded place to the extreme vertex assumes edges whose directions differ in double precision;
/// whatever the points, comparisons along the walk are exact, and so is the result.</para>
/// </remarks>
public sealed class ConvexLayers : HalfspaceIndex
{
    private readonly PointSet _points;
    private readonly Layers _layers;
    private readonly float[] _vertices;
    private readonly LayerCascade _cascade;

    /// <summary>Peels a set. The points are not copied, but their coordinates are kept once more in the order of the layers.</summary>
    /// <param name="points">n points of the plane; ids are their rows, 0 .. n−1.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>. Queries here take no vectors.</param>
    /// <exception cref="ArgumentException">The points do not have two coordinates.</exception>
    public ConvexLayers(PointSet points, SimdTier? tier = null) : this(points, Layers.Peel(OfDimension(points, 2, "Convex layers")), tier)
    {
    }

    private ConvexLayers(PointSet points, Layers layers, SimdTier? tier) : base(2, ReportKernel.For(tier))
    {
        _points = points;
        _layers = layers;
        _vertices = layers.Coordinates(points);
        _cascade = new LayerCascade(_vertices, layers.Starts);
    }

    /// <inheritdoc/>
    public override int Count => _points.Count;

    /// <summary>How many layers there are.</summary>
    public int LayerCount => _layers.Starts.Length - 1;

    /// <summary>Bytes beyond the points' own.</summary>
    public long StructureBytes => _cascade.Bytes
        + (4L * (_vertices.Length + _layers.Ids.Length + _layers.IdStarts.Length + _layers.Starts.Length));

    internal override IndexKind Kind => IndexKind.ConvexLayers;

    /// <inheritdoc/>
    public override bool TryCopyPoint(int id, Span<float> into)
    {
        if ((uint)id >= (uint)Count) return false;
        _points.CopyRow(id, into);
        return true;
    }

    internal static ConvexLayers Read(IndexReader reader, SimdTier? tier)
    {
        if (reader.Dimension != 2) throw reader.Bad($"it has convex layers of dimension {reader.Dimension}, which exist in the plane only");
        PointSet points = reader.Points();
        return new ConvexLayers(points, Layers.Read(reader, points), tier);
    }

    internal override void Write(IndexWriter writer)
    {
        writer.AddPoints(_points);
        _layers.Write(writer);
    }

    private protected override ReportCost ReportCore(ReadOnlySpan<float> query, float bias, HitList hits)
    {
        if (LayerCount == 0) return default;
        double key = LayerCascade.Key(-query[1], query[0]);
        int place = _cascade.First(key, out int steps);
        Walk walk = new(query, bias, _vertices);
        for (int layer = 0; ; layer++)
        {
            steps++;
            if (!ReportLayer(ref walk, layer, _cascade.Edges(layer, place), hits) || layer + 1 == LayerCount) break;
            place = _cascade.Next(layer, place, key);
        }

        hits.Sort();
        return new(walk.Scored, steps + walk.Compared, ((walk.Scored + walk.Compared) * 8L) + (steps * 12L));
    }

    // True where the layer has a vertex inside.
    private bool ReportLayer(ref Walk walk, int layer, int place, HitList hits)
    {
        int first = _layers.Starts[layer], size = _layers.Starts[layer + 1] - first;
        int top = walk.Climb(first, size, place == size ? 0 : place);
        if (!walk.IsInside(first + top)) return false;
        AddVertex(first + top, hits);
        int left = size - 1, at = top;
        for (; left > 0; left--)
        {
            at = at + 1 == size ? 0 : at + 1;
            if (!walk.IsInside(first + at)) break;
            AddVertex(first + at, hits);
        }

        // Where the first walk stopped, the vertex it stopped at is known to be outside.
        at = top;
        for (left--; left > 0; left--)
        {
            at = at == 0 ? size - 1 : at - 1;
            if (!walk.IsInside(first + at)) break;
            AddVertex(first + at, hits);
        }

        return true;
    }

    private void AddVertex(int vertex, HitList hits)
    {
        int start = _layers.IdStarts[vertex], end = _layers.IdStarts[vertex + 1];
        if (end == start + 1) hits.Add(_layers.Ids[start]);
        else hits.AddRange(_layers.Ids.AsSpan(start, end - start));
    }

    /// <summary>Exact tests of vertices, counted.</summary>
    private ref struct Walk(ReadOnlySpan<float> query, float bias, float[] vertices)
    {
        private readonly ReadOnlySpan<float> _query = query;

        public int Scored { get; private set; }

        public int Compared { get; private set; }

        public bool IsInside(int vertex)
        {
            Scored++;
            return ExactDot.AtLeast<float>(_query, vertices.AsSpan(2 * vertex, 2), bias);
        }

        /// <summary>The extreme vertex of a layer: scores along a convex polygon have one peak, so a local one is it.</summary>
        public int Climb(int first, int size, int at)
        {
            int start = at;
            while (true)
            {
                int next = at + 1 == size ? 0 : at + 1;
                if (!IsHigher(first + next, first + at)) break;
                at = next;
            }

            if (at != start) return at;
            while (true)
            {
                int next = at == 0 ? size - 1 : at - 1;
                if (!IsHigher(first + next, first + at)) return at;
                at = next;
            }
        }

        private bool IsHigher(int vertex, int than)
        {
            Compared++;
            return ScoreOrder.IsHigher(_query, vertices.AsSpan(2 * vertex, 2), vertices.AsSpan(2 * than, 2));
        }
    }
}
