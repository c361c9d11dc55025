using Halfspace.Reporting.Geometry;

namespace Halfspace.Reporting.Spatial;

/// <summary>The convex hull of points of space, as triangles.</summary>
/// <remarks>Quickhull, Barber, Dobkin and Huhdanpaa 1996, with exact orientation and without merging: a facet of many points is several
/// triangles of one plane. Points on a facet that are not needed for its outline stay outside the hull's vertices, or, where they came
/// first, remain vertices. Either way the triangles are the hull's surface. Expected O(n log n) on points in random order; O(n²) at
/// worst.</remarks>
internal sealed class SpaceHull
{
    private readonly double[] _points;

    // The next point in the list of points above the same triangle.
    private readonly int[] _next;

    // While a point is added: the new triangle whose edge on the horizon starts at a vertex.
    private readonly int[] _fan;
    private readonly List<int> _visible = [];
    private readonly List<(int From, int To, int Behind)> _horizon = [];
    private readonly Stack<int> _open = new();
    private Triangle[] _triangles = new Triangle[64];
    private double _error;
    private int _stamp;

    /// <param name="points">[3 × n], all different.</param>
    public SpaceHull(double[] points)
    {
        _points = points;
        _next = new int[points.Length / 3];
        _fan = new int[points.Length / 3];
    }

    /// <summary>Triangles ever made; some have been replaced.</summary>
    public int Count { get; private set; }

    /// <summary>A triangle of the surface: its vertices, counter-clockwise from outside; false where it was replaced.</summary>
    public bool TryGet(int triangle, out int a, out int b, out int c)
    {
        ref Triangle t = ref _triangles[triangle];
        (a, b, c) = (t.A, t.B, t.C);
        return t.Visited >= 0;
    }

    /// <summary>Builds the hull of some of the points.</summary>
    /// <returns>False where they are all in one plane.</returns>
    public bool Build(ReadOnlySpan<int> members)
    {
        Count = 0;
        _open.Clear();
        if (!TryBegin(members, out int a, out int b, out int c, out int d)) return false;
        SetError(members);
        if (Orientation.InSpace(At(a), At(b), At(c), At(d)) < 0) (b, c) = (c, b);

        // d is below a, b, c as seen from outside.
        int abc = Add(a, b, c), adb = Add(a, d, b), bdc = Add(b, d, c), cda = Add(c, d, a);
        Join(abc, adb, bdc, cda);
        Join(adb, cda, bdc, abc);
        Join(bdc, adb, cda, abc);
        Join(cda, bdc, adb, abc);
        foreach (int point in members) Assign(point, 0, 4);
        for (int t = 0; t < 4; t++) Open(t);
        while (_open.TryPop(out int triangle))
            if (_triangles[triangle] is { Visited: >= 0, First: >= 0 }) AddPoint(triangle, _triangles[triangle].Furthest);
        return true;
    }

    private void AddPoint(int triangle, int point)
    {
        FindVisible(triangle, point);
        int first = Count;
        foreach ((int from, int to, int behind) in _horizon)
        {
            int added = Add(from, to, point);
            _fan[from] = added;
            _triangles[added].AcrossAB = behind;
            Replace(behind, to, from, added);
        }

        for (int t = first; t < Count; t++)
        {
            int following = _fan[_triangles[t].B];
            _triangles[t].AcrossBC = following;
            _triangles[following].AcrossCA = t;
        }

        foreach (int old in _visible)
        {
            int next = _triangles[old].First;
            _triangles[old].Visited = -1;
            while (next >= 0)
            {
                int member = next;
                next = _next[member];
                if (member != point) Assign(member, first, Count);
            }
        }

        for (int t = first; t < Count; t++) Open(t);
    }

    // Triangles strictly below the point, and the edges about them. Visible facets of a convex body are connected, and their outline is
    // one cycle.
    private void FindVisible(int triangle, int point)
    {
        _visible.Clear();
        _horizon.Clear();
        _stamp++;
        _visible.Add(triangle);
        _triangles[triangle].Visited = _stamp;
        for (int i = 0; i < _visible.Count; i++)
        {
            Triangle t = _triangles[_visible[i]];
            Look(t.A, t.B, t.AcrossAB, point);
            Look(t.B, t.C, t.AcrossBC, point);
            Look(t.C, t.A, t.AcrossCA, point);
        }
    }

    private void Look(int from, int to, int across, int point)
    {
        if (_triangles[across].Visited == _stamp) return;
        if (IsAbove(point, across, out _))
        {
            _triangles[across].Visited = _stamp;
            _visible.Add(across);
        }
        else
        {
            _horizon.Add((from, to, across));
        }
    }

    // Puts a point on the list of one of the triangles that it is above; a point above none is inside.
    private void Assign(int point, int first, int end)
    {
        for (int t = first; t < end; t++)
        {
            if (!IsAbove(point, t, out double height)) continue;
            ref Triangle triangle = ref _triangles[t];
            if (triangle.First < 0 || height > triangle.Height) (triangle.Furthest, triangle.Height) = (point, height);
            _next[point] = triangle.First;
            triangle.First = point;
            return;
        }
    }

    private void Open(int triangle)
    {
        if (_triangles[triangle].First >= 0) _open.Push(triangle);
    }

    private bool IsAbove(int point, int triangle, out double height)
    {
        ref Triangle t = ref _triangles[triangle];
        int x = 3 * point, a = 3 * t.A;
        height = (t.NormalX * (_points[x] - _points[a]))
            + (t.NormalY * (_points[x + 1] - _points[a + 1]))
            + (t.NormalZ * (_points[x + 2] - _points[a + 2]));
        if (height > _error) return true;
        return height >= -_error && Orientation.InSpace(At(t.A), At(t.B), At(t.C), At(point)) < 0;
    }

    private int Add(int a, int b, int c)
    {
        if (Count == _triangles.Length) Array.Resize(ref _triangles, 2 * Count);
        (double x, double y, double z) = Normal(a, b, c);
        _triangles[Count] = new() { A = a, B = b, C = c, First = -1, NormalX = x, NormalY = y, NormalZ = z };
        return Count++;
    }

    private void Join(int triangle, int acrossAB, int acrossBC, int acrossCA)
    {
        ref Triangle t = ref _triangles[triangle];
        (t.AcrossAB, t.AcrossBC, t.AcrossCA) = (acrossAB, acrossBC, acrossCA);
    }

    private void Replace(int triangle, int from, int to, int across)
    {
        ref Triangle t = ref _triangles[triangle];
        if (t.A == from && t.B == to) t.AcrossAB = across;
        else if (t.B == from && t.C == to) t.AcrossBC = across;
        else t.AcrossCA = across;
    }

    // Each of six products of three differences is at most the product of the extents, and a height's error a few units in the last place
    // of their sum: 6·16·2^-53 has room to spare.
    private void SetError(ReadOnlySpan<int> members)
    {
        double product = 1;
        for (int axis = 0; axis < 3; axis++)
        {
            double low = double.PositiveInfinity, high = double.NegativeInfinity;
            foreach (int member in members)
            {
                low = Math.Min(low, _points[(3 * member) + axis]);
                high = Math.Max(high, _points[(3 * member) + axis]);
            }

            product *= high - low;
        }

        _error = product * 2e-14;
    }

    // Four points that are not in one plane; the first found that double says are far from it, else any.
    private bool TryBegin(ReadOnlySpan<int> members, out int a, out int b, out int c, out int d)
    {
        (a, b, c, d) = (-1, -1, -1, -1);
        if (members.Length < 4) return false;
        int p = members[0], q = members[1], r = -1, s = -1;
        double best = -1;
        foreach (int member in members)
            if (Distance(p, member) > best) (q, best) = (member, Distance(p, member));
        best = -1;
        foreach (int member in members)
        {
            double area = Area(p, q, member);
            if (area > best && !AreCollinear(p, q, member)) (r, best) = (member, area);
        }

        if (r < 0) return false;
        best = -1;
        foreach (int member in members)
        {
            double volume = Volume(p, q, r, member);
            if (volume > best && Orientation.InSpace(At(p), At(q), At(r), At(member)) != 0) (s, best) = (member, volume);
        }

        (a, b, c, d) = (p, q, r, s);
        return s >= 0;
    }

    private bool AreCollinear(int a, int b, int c)
    {
        ReadOnlySpan<double> p = At(a), q = At(b), r = At(c);
        return Orientation.InPlane(p[0], p[1], q[0], q[1], r[0], r[1]) == 0
            && Orientation.InPlane(p[1], p[2], q[1], q[2], r[1], r[2]) == 0
            && Orientation.InPlane(p[2], p[0], q[2], q[0], r[2], r[0]) == 0;
    }

    private double Distance(int a, int b)
    {
        ReadOnlySpan<double> p = At(a), q = At(b);
        return Math.Max(Math.Abs(p[0] - q[0]), Math.Max(Math.Abs(p[1] - q[1]), Math.Abs(p[2] - q[2])));
    }

    private double Area(int a, int b, int c)
    {
        (double x, double y, double z) = Normal(a, b, c);
        return Math.Max(Math.Abs(x), Math.Max(Math.Abs(y), Math.Abs(z)));
    }

    private double Volume(int a, int b, int c, int d)
    {
        (double x, double y, double z) = Normal(a, b, c);
        ReadOnlySpan<double> p = At(a), q = At(d);
        return Math.Abs((x * (q[0] - p[0])) + (y * (q[1] - p[1])) + (z * (q[2] - p[2])));
    }

    private (double X, double Y, double Z) Normal(int a, int b, int c)
    {
        ReadOnlySpan<double> p = At(a), q = At(b), r = At(c);
        double ux = q[0] - p[0], uy = q[1] - p[1], uz = q[2] - p[2], vx = r[0] - p[0], vy = r[1] - p[1], vz = r[2] - p[2];
        return ((uy * vz) - (uz * vy), (uz * vx) - (ux * vz), (ux * vy) - (uy * vx));
    }

    private ReadOnlySpan<double> At(int point) => _points.AsSpan(3 * point, 3);

    private struct Triangle
    {
        public int A, B, C;

        // Neighbours across the edges.
        public int AcrossAB, AcrossBC, AcrossCA;

        // Points above it, by no other triangle's list: the first, and the highest with its height in units of the normal.
        public int First, Furthest;
        public double Height;
        public double NormalX, NormalY, NormalZ;

        // The last search that found it visible; −1 once replaced.
        public int Visited;
    }
}
