using Halfspace.Reporting.Geometry;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting.Planar;

/// <summary>Vertices in the order of their layers, and the ids that each stands for.</summary>
/// <param name="Ids">[n] in the order of vertices; ids of equal points are together, ascending.</param>
/// <param name="IdStarts">[vertices + 1].</param>
/// <param name="Starts">[layers + 1], in vertices.</param>
internal sealed record Layers(int[] Ids, int[] IdStarts, int[] Starts)
{
    public static Layers Peel(PointSet points)
    {
        int n = points.Count;
        Point2[] sorted = new Point2[n];
        int[] ids = new int[n];
        float[] row = new float[2];
        for (int i = 0; i < n; i++)
        {
            points.CopyRow(i, row);
            sorted[i] = new(row[0], row[1]);
            ids[i] = i;
        }

        Array.Sort(sorted, ids, Comparer<Point2>.Create((a, b) => a.CompareTo(b)));
        int[] groups = Group(i => sorted[i] != sorted[i - 1], n);
        Point2[] distinct = new Point2[groups.Length - 1];
        for (int g = 0; g < distinct.Length; g++) distinct[g] = sorted[groups[g]];
        OnionPeeling.Peel(distinct, out int[] order, out int[] starts);

        int[] layered = new int[n], idStarts = new int[groups.Length];
        int written = 0;
        for (int v = 0; v < order.Length; v++)
        {
            Span<int> group = ids.AsSpan(groups[order[v]], groups[order[v] + 1] - groups[order[v]]);
            group.Sort();
            group.CopyTo(layered.AsSpan(written));
            written += group.Length;
            idStarts[v + 1] = written;
        }

        return new Layers(layered, idStarts, starts);
    }

    public static Layers Read(IndexReader reader, PointSet points)
    {
        int[] ids = reader.Permutation(SectionId.Order, points.Count);
        float[] row = new float[2], last = new float[2];
        int[] groups = Group(
            i =>
            {
                points.CopyRow(ids[i], row);
                points.CopyRow(ids[i - 1], last);
                return row[0] != last[0] || row[1] != last[1];
            },
            ids.Length);
        int[] starts = reader.Array<int>(SectionId.LayerStarts);
        bool whole = starts.Length > 0 && starts[0] == 0 && starts[^1] == groups.Length - 1;
        for (int l = 1; l < starts.Length; l++) whole &= starts[l] > starts[l - 1];
        return whole ? new Layers(ids, groups, starts) : throw reader.Bad("its layers do not cover its points");
    }

    public void Write(IndexWriter writer)
    {
        writer.Add<int>(SectionId.Order, Ids);
        writer.Add<int>(SectionId.LayerStarts, Starts);
    }

    /// <summary>x and y of every vertex, in order.</summary>
    public float[] Coordinates(PointSet points)
    {
        float[] vertices = new float[2 * (IdStarts.Length - 1)];
        for (int v = 0; v < IdStarts.Length - 1; v++) points.CopyRow(Ids[IdStarts[v]], vertices.AsSpan(2 * v));
        return vertices;
    }

    // Where runs begin among 0 .. n−1, and n.
    private static int[] Group(Func<int, bool> begins, int n)
    {
        List<int> starts = [];
        for (int i = 0; i < n; i++)
            if (i == 0 || begins(i)) starts.Add(i);
        starts.Add(n);
        return [.. starts];
    }
}
