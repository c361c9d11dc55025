using Halfspace.Reporting.Geometry;

namespace Halfspace.Reporting.Planar;

/// <summary>The upper hull of points sorted by x (equal x by y), from which points are only removed. Building it and removing all n points
/// takes O(n log n).</summary>
/// <remarks>
/// <para>A balanced tree over the points, as of Overmars and van Leeuwen 1981, "Maintenance of configurations in the plane". A node's
/// hull is its left half's up to the bridge, then its right half's. Hulls are linked lists: a node keeps its bridge, and where the pieces
/// of its halves' hulls begin that the bridge hides; all else is its parent's.</para>
/// <para>Removals as of Hershberger and Suri 1992, "Applications of a semi-dynamic convex hull algorithm". What is left of a hull stays
/// on it when points are removed. So a bridge that has lost an end is searched from its nearest ends that are left, inwards, and every
/// vertex that the search passes has come to this node's hull: once a point and level.</para>
/// <para>Hulls are strict: points within an edge are not vertices, and wait for a later layer.</para>
/// </remarks>
internal sealed class HullTree
{
    private const int None = -1;

    private readonly Point2[] _points;
    private readonly int _size;

    // Heap order: the children of node i are 2i and 2i + 1; leaves are _size + position and not in the array.
    private readonly Node[] _nodes;
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly bool[] _isRemoved;

    /// <param name="points">Strictly ascending.</param>
    public HullTree(Point2[] points)
    {
        _points = points;
        _size = 1;
        while (_size < points.Length) _size *= 2;
        _nodes = new Node[_size];
        _next = new int[points.Length];
        _previous = new int[points.Length];
        _isRemoved = new bool[points.Length];
        Array.Fill(_next, None);
        Array.Fill(_previous, None);
        for (int node = _size - 1; node >= 1; node--) Join(node, First(2 * node), Last((2 * node) + 1), search: true);
    }

    /// <summary>Appends the positions of the hull's vertices from left to right.</summary>
    public void AppendHull(List<int> vertices)
    {
        for (int p = First(1); p != None; p = _next[p]) vertices.Add(p);
    }

    /// <summary>Removes points.</summary>
    /// <param name="positions">Ascending; every one is still there.</param>
    public void Remove(ReadOnlySpan<int> positions)
    {
        foreach (int position in positions) _isRemoved[position] = true;
        Remove(1, 0, _size, positions);
    }

    private void Remove(int node, int first, int width, ReadOnlySpan<int> positions)
    {
        if (width == 1) return;
        Node old = _nodes[node];
        int left = old.Left, right = old.Right;
        if (left != None)
        {
            while (left != None && _isRemoved[left]) left = _previous[left];
            while (right != None && _isRemoved[right]) right = _next[right];
            Open(old);
        }

        int half = width / 2, middle = first + half, split = positions.BinarySearch(middle);
        if (split < 0) split = ~split;
        if (split > 0) Remove(2 * node, first, half, positions[..split]);
        if (split < positions.Length) Remove((2 * node) + 1, middle, half, positions[split..]);
        Join(node, left == None ? First(2 * node) : left, right == None ? Last((2 * node) + 1) : right,
            search: left != old.Left || right != old.Right);
    }

    /// <summary>Makes a node's hull of its halves' hulls.</summary>
    /// <param name="node">The node.</param>
    /// <param name="left">A vertex of the left half's hull that is on the node's, or <see cref="None"/> where that half is empty.</param>
    /// <param name="right">The like on the right.</param>
    /// <param name="search">False where these are the bridge's ends.</param>
    private void Join(int node, int left, int right, bool search)
    {
        int first = First(2 * node), last = Last((2 * node) + 1);
        if (first == None || last == None)
        {
            int only = first == None ? (2 * node) + 1 : 2 * node;
            _nodes[node] = new(First(only), Last(only), None, None, None, None);
            return;
        }

        if (search) FindBridge(ref left, ref right, _points[Border(node)]);
        _nodes[node] = new(first, last, left, right, _next[left], _previous[right]);
        _next[left] = right;
        _previous[right] = left;
    }

    // Gives the halves of a node their hulls back.
    private void Open(in Node node)
    {
        _next[node.Left] = node.AfterLeft;
        if (node.AfterLeft != None) _previous[node.AfterLeft] = node.Left;
        _previous[node.Right] = node.BeforeRight;
        if (node.BeforeRight != None) _next[node.BeforeRight] = node.Right;
    }

    // From vertices at or beyond the bridge's ends inwards to them.
    private void FindBridge(ref int left, ref int right, Point2 border)
    {
        while (true)
        {
            int innerLeft = _next[left], innerRight = _previous[right];
            bool hasLeft = innerLeft != None, hasRight = innerRight != None;
            Point2 a = _points[left], b = hasLeft ? _points[innerLeft] : a;
            Point2 d = _points[right], c = hasRight ? _points[innerRight] : d;

            // A point of the other side on or above an edge's line hides the edge's inner end.
            bool leftEnds = !hasLeft || Point2.Turn(a, b, d) >= 0 || (hasRight && Point2.Turn(a, b, c) >= 0);
            bool rightEnds = !hasRight || Point2.Turn(c, d, a) >= 0 || (hasLeft && Point2.Turn(c, d, b) >= 0);
            if (leftEnds && rightEnds) return;

            // Where neither does, the lines cross between the edges. Beyond the border, the higher line is above all of the other half.
            if (rightEnds || (!leftEnds && CrossesBeforeBorder(a, b, c, d, border))) left = innerLeft;
            else right = innerRight;
        }
    }

    private int First(int node) => node < _size ? _nodes[node].First : Leaf(node - _size);

    private int Last(int node) => node < _size ? _nodes[node].Last : Leaf(node - _size);

    private int Leaf(int position) => position < _points.Length && !_isRemoved[position] ? position : None;

    // The last position of the left half, whether its point is still there or not: any place between the halves will do.
    private int Border(int node)
    {
        int last = 2 * node;
        while (last < _size) last = (2 * last) + 1;
        return Math.Min(last - _size, _points.Length - 1);
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

    /// <summary>A node's first and last point, its bridge, and the hidden vertices beside the bridge's ends.</summary>
    private readonly record struct Node(int First, int Last, int Left, int Right, int AfterLeft, int BeforeRight);
}
