using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting.Spatial;

/// <summary>The outer convex layers of points of space: vertices layer after layer, the ids each stands for, and the surface's
/// edges.</summary>
/// <param name="Ids">[m], in the order of vertices; ids of equal points are together, ascending.</param>
/// <param name="IdStarts">[vertices + 1].</param>
/// <param name="Starts">[layers + 1], in vertices.</param>
/// <param name="Neighbours">Vertices, of the same layer.</param>
/// <param name="NeighbourStarts">[vertices + 1].</param>
internal sealed record Shell(int[] Ids, int[] IdStarts, int[] Starts, int[] Neighbours, int[] NeighbourStarts)
{
    /// <summary>Peels at most <paramref name="layers"/>; fewer where what remains is in a plane.</summary>
    public static Shell Peel(PointSet points, int layers)
    {
        int n = points.Count;
        int[] sorted = SortByPlace(points), groups = Group(points, sorted);
        double[] distinct = new double[3 * (groups.Length - 1)];
        Span<float> row = stackalloc float[3];
        for (int g = 0; g < groups.Length - 1; g++)
        {
            points.CopyRow(sorted[groups[g]], row);
            for (int j = 0; j < 3; j++) distinct[(3 * g) + j] = row[j];
        }

        int[] left = [.. Enumerable.Range(0, groups.Length - 1)];
        int[] vertexOf = new int[left.Length];
        Array.Fill(vertexOf, -1);
        SpaceHull hull = new(distinct);
        List<int> order = [], starts = [0], neighbours = [], neighbourStarts = [0];
        while (starts.Count <= layers && hull.Build(left))
        {
            AddLayer(hull, vertexOf, order, neighbours, neighbourStarts);
            starts.Add(order.Count);
            left = Array.FindAll(left, g => vertexOf[g] < 0);
        }

        List<int> ids = [], idStarts = [0];
        foreach (int g in order)
        {
            int[] group = sorted[groups[g]..groups[g + 1]];
            Array.Sort(group);
            ids.AddRange(group);
            idStarts.Add(ids.Count);
        }

        return new([.. ids], [.. idStarts], [.. starts], [.. neighbours], [.. neighbourStarts]);
    }

    public static Shell Read(IndexReader reader, PointSet points)
    {
        int[] ids = reader.Array<int>(SectionId.LayerIds), starts = reader.Array<int>(SectionId.LayerStarts);
        bool[] seen = new bool[points.Count];
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)points.Count || seen[id])
                throw reader.Bad($"its layers name row {id} twice or beyond {points.Count} rows");
            seen[id] = true;
        }

        int[] idStarts = Group(points, ids);
        int vertices = idStarts.Length - 1;
        int[] neighbours = reader.Array<int>(SectionId.Neighbours);
        int[] neighbourStarts = reader.Memory<int>(SectionId.NeighbourStarts, vertices + 1).ToArray();
        bool whole = Ascends(starts, vertices) && Ascends(neighbourStarts, neighbours.Length);
        for (int layer = 0; whole && layer + 1 < starts.Length; layer++)
            for (int i = neighbourStarts[starts[layer]]; i < neighbourStarts[starts[layer + 1]]; i++)
                whole &= neighbours[i] >= starts[layer] && neighbours[i] < starts[layer + 1];
        return whole ? new(ids, idStarts, starts, neighbours, neighbourStarts) : throw reader.Bad("its layers are not whole");
    }

    public void Write(IndexWriter writer)
    {
        writer.Add<int>(SectionId.LayerIds, Ids);
        writer.Add<int>(SectionId.LayerStarts, Starts);
        writer.Add<int>(SectionId.Neighbours, Neighbours);
        writer.Add<int>(SectionId.NeighbourStarts, NeighbourStarts);
    }

    public ReadOnlySpan<int> NeighboursOf(int vertex) =>
        Neighbours.AsSpan(NeighbourStarts[vertex], NeighbourStarts[vertex + 1] - NeighbourStarts[vertex]);

    public ReadOnlySpan<int> IdsOf(int vertex) => Ids.AsSpan(IdStarts[vertex], IdStarts[vertex + 1] - IdStarts[vertex]);

    private static bool Ascends(int[] starts, int end)
    {
        bool whole = starts.Length > 0 && starts[0] == 0 && starts[^1] == end;
        for (int i = 1; i < starts.Length; i++) whole &= starts[i] > starts[i - 1];
        return whole;
    }

    // Each triangle's edges in its own direction: every edge of the closed surface once from either end.
    private static void AddLayer(SpaceHull hull, int[] vertexOf, List<int> order, List<int> neighbours, List<int> neighbourStarts)
    {
        int first = order.Count;
        List<(int From, int To)> edges = [];
        for (int t = 0; t < hull.Count; t++)
        {
            if (!hull.TryGet(t, out int a, out int b, out int c)) continue;
            edges.Add((Vertex(a), Vertex(b)));
            edges.Add((Vertex(b), Vertex(c)));
            edges.Add((Vertex(c), Vertex(a)));
        }

        edges.Sort();
        int edge = 0;
        for (int v = first; v < order.Count; v++)
        {
            for (; edge < edges.Count && edges[edge].From == v; edge++) neighbours.Add(edges[edge].To);
            neighbourStarts.Add(neighbours.Count);
        }

        int Vertex(int g)
        {
            if (vertexOf[g] < 0)
            {
                vertexOf[g] = order.Count;
                order.Add(g);
            }

            return vertexOf[g];
        }
    }

    // Rows by x, y, z.
    private static int[] SortByPlace(PointSet points)
    {
        int[] rows = new int[points.Count];
        (float X, float Y, float Z)[] keys = new (float, float, float)[points.Count];
        Span<float> row = stackalloc float[3];
        for (int i = 0; i < rows.Length; i++)
        {
            points.CopyRow(i, row);
            (rows[i], keys[i]) = (i, (row[0], row[1], row[2]));
        }

        Array.Sort(keys, rows);
        return rows;
    }

    // Where runs of equal points begin, and the number of rows.
    private static int[] Group(PointSet points, int[] rows)
    {
        List<int> starts = [];
        Span<float> row = stackalloc float[3], last = stackalloc float[3];
        for (int i = 0; i < rows.Length; i++)
        {
            points.CopyRow(rows[i], row);
            if (i == 0 || row[0] != last[0] || row[1] != last[1] || row[2] != last[2]) starts.Add(i);
            row.CopyTo(last);
        }

        starts.Add(rows.Length);
        return [.. starts];
    }
}
