using Halfspace.Reporting.Geometry;

namespace Halfspace.Reporting.Planar;

/// <summary>The upper hull of points sorted by x (equal x by y), from which points are only removed.</summary>
/// <remarks>Overmars and van Leeuwen 1981, "Maintenance of configurations in the plane", for removals only: a balanced tree over the
/// points whose nodes keep the bridge between their two halves' hulls and nothing else. A bridge stays while both its ends are there;
/// otherwise it is found again by one descent in both halves, O(log n). Removing all n points costs O(n log² n) at worst. Hulls are
/// strict: points within an edge are not vertices, and wait for a later layer.</remarks>
internal sealed class HullTree
{
    private readonly Point2[] _points;

    // Heap order: the children of node i are 2i and 2i + 1; leaves are _size + position. Without points Left is −1.
    private readonly (int Left, int Right)[] _bridges;
    private readonly int _size;

    /// <param name="points">Strictly ascending.</param>
    public HullTree(Point2[] points)
    {
        _points = points;
        _size = 1;
        while (_size < points.Length) _size *= 2;
        _bridges = new (int, int)[2 * _size];
        for (int i = 0; i < _size; i++) _bridges[_size + i] = i < points.Length ? (i, i) : (-1, -1);
        for (int node = _size - 1; node >= 1; node--) _bridges[node] = FindBridge(node);
    }

    /// <summary>Appends the positions of the hull's vertices from left to right.</summary>
    public void AppendHull(List<int> vertices)
    {
        if (_bridges[1].Left >= 0) Append(1, 0, _size - 1, vertices);
    }

    /// <summary>Removes points.</summary>
    /// <param name="positions">Ascending; every one is still there.</param>
    public void Remove(ReadOnlySpan<int> positions) => Remove(1, 0, _size, positions);

    private void Remove(int node, int first, int width, ReadOnlySpan<int> positions)
    {
        if (width == 1)
        {
            _bridges[node] = (-1, -1);
            return;
        }

        int half = width / 2, middle = first + half, split = positions.BinarySearch(middle);
        if (split < 0) split = ~split;
        if (split > 0) Remove(2 * node, first, half, positions[..split]);
        if (split < positions.Length) Remove((2 * node) + 1, middle, half, positions[split..]);
        (int left, int right) = _bridges[node];
        if (_bridges[_size + left].Left < 0 || _bridges[_size + right].Left < 0) _bridges[node] = FindBridge(node);
    }

    // The part of a node's hull between two positions.
    private void Append(int node, int from, int to, List<int> vertices)
    {
        while (node < _size)
        {
            node = SkipEmpty(node);
            if (node >= _size) break;
            (int left, int right) = _bridges[node];
            if (from >= right)
            {
                node = (2 * node) + 1;
            }
            else if (to <= left)
            {
                node *= 2;
            }
            else
            {
                Append(2 * node, from, left, vertices);
                (node, from) = ((2 * node) + 1, right);
            }
        }

        vertices.Add(node - _size);
    }

    private bool IsEmpty(int node) => _bridges[node].Left < 0;

    // Where only one half has points, the node's ends are that half's.
    private (int Left, int Right) FindBridge(int node)
    {
        int left = 2 * node, right = left + 1;
        if (IsEmpty(left)) return _bridges[right];
        if (IsEmpty(right)) return _bridges[left];
        Point2 border = _points[LastOf(left)];
        while (true)
        {
            left = SkipEmpty(left);
            right = SkipEmpty(right);
            (int ai, int bi) = _bridges[left];
            (int ci, int di) = _bridges[right];
            if (ai == bi && ci == di) return (ai, ci);
            Point2 a = _points[ai], b = _points[bi], c = _points[ci], d = _points[di];

            // A point of the other side on or above an edge's line hides the edge's inner end.
            if (ai != bi && (Point2.Turn(a, b, c) >= 0 || (ci != di && Point2.Turn(a, b, d) >= 0))) left *= 2;
            else if (ci != di && (Point2.Turn(c, d, b) >= 0 || (ai != bi && Point2.Turn(c, d, a) >= 0))) right = (2 * right) + 1;
            else if (ai == bi) right *= 2;
            else if (ci == di) left = (2 * left) + 1;

            // The lines cross between the edges. Beyond the border, the higher line is above all of the other half.
            else if (CrossesBeforeBorder(a, b, c, d, border)) left = (2 * left) + 1;
            else right *= 2;
        }
    }

    private int SkipEmpty(int node)
    {
        while (node < _size)
        {
            if (IsEmpty(2 * node)) node = (2 * node) + 1;
            else if (IsEmpty((2 * node) + 1)) node *= 2;
            else break;
        }

        return node;
    }

    // The last position under a node, whether its point is still there or not: any place between the halves will do.
    private int LastOf(int node)
    {
        while (node < _size) node = (2 * node) + 1;
        return Math.Min(node - _size, _points.Length - 1);
    }

    /// <summary>True where the lines ab and cd cross at or before m; a and b are below cd.</summary>
    /// <remarks>With u and v the heights of cd over a and b, times one constant, they cross at a + (b − a)·u/(u − v).</remarks>
    private static bool CrossesBeforeBorder(Point2 a, Point2 b, Point2 c, Point2 d, Point2 m)
    {
        double u = Math.Abs(Orientation.Area(c.X, c.Y, d.X, d.Y, a.X, a.Y, out double uError));
        double v = Math.Abs(Orientation.Area(c.X, c.Y, d.X, d.Y, b.X, b.Y, out double vError));
        if (!Orientation.TryCompareProducts(u, uError, m.X - b.X, v, vError, m.X - a.X, out int sign))
            sign = WholeNumbers.CompareCrossing(a, b, c, d, m);
        return sign >= 0;
    }
}
