namespace Halfspace.Reporting.Planar;

/// <summary>The place of one direction among the edges of every layer: one binary search in the outermost, then O(1) a layer.</summary>
/// <remarks>Fractional cascading, Chazelle and Guibas 1986: a layer's list holds its edges' keys and every second key of the next list, so
/// all lists together hold at most 2n keys. Keys are rounded angles; a place can be off among edges that are nearly parallel, and its user
/// climbs from there by exact comparisons.</remarks>
internal sealed class LayerCascade
{
    // List l is _keys[_starts[l] .. _starts[l+1]].
    private readonly double[] _keys;
    private readonly int[] _starts;

    // Own keys among the first j of list l: _own[_starts[l] + l + j].
    private readonly int[] _own;

    /// <param name="vertices">[2 × vertices]: x and y, layer after layer, each counter-clockwise from its lowest leftmost vertex.</param>
    /// <param name="layers">Where layers start, in vertices, and their end.</param>
    public LayerCascade(float[] vertices, int[] layers)
    {
        int count = layers.Length - 1;
        _starts = new int[count + 1];
        int[] sizes = new int[count + 1];
        for (int l = count - 1; l >= 0; l--) sizes[l] = EdgesOf(layers, l) + ((sizes[l + 1] + 1) / 2);
        for (int l = 0; l < count; l++) _starts[l + 1] = checked(_starts[l] + sizes[l]);
        _keys = new double[_starts[count]];
        _own = new int[_starts[count] + count];
        for (int l = count - 1; l >= 0; l--) Merge(vertices, layers, l, l + 1 < count ? sizes[l + 1] : 0);
    }

    /// <summary>Bytes of the lists.</summary>
    public long Bytes => (_keys.Length * (long)sizeof(double)) + (_own.Length * (long)sizeof(int));

    /// <summary>Grows with the angle of a direction, from straight down (exclusive) by the right, up and left to straight down.</summary>
    public static double Key(double dx, double dy)
    {
        double slope = dy / (Math.Abs(dx) + Math.Abs(dy));
        return dx > 0 || (dx == 0 && dy > 0) ? slope : 2 - slope;
    }

    /// <summary>The place of a key in the first list. There is at least one layer.</summary>
    /// <param name="key">Of the direction in which a counter-clockwise walk passes the wanted vertex.</param>
    /// <param name="steps">Comparisons made.</param>
    public int First(double key, out int steps)
    {
        int low = 0, high = _starts[1];
        for (steps = 0; low < high; steps++)
        {
            int middle = (low + high) >>> 1;
            if (_keys[middle] < key) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>How many edges of a layer come before the place.</summary>
    public int Edges(int layer, int place) => _own[_starts[layer] + layer + place];

    /// <summary>The place in the next layer's list.</summary>
    public int Next(int layer, int place, double key)
    {
        // Keys 0, 2, 4, … of the next list are in this one: the first `shared` of them are smaller.
        int shared = place - Edges(layer, place), next = Math.Max(0, (2 * shared) - 1), start = _starts[layer + 1];
        return next < 2 * shared && next < _starts[layer + 2] - start && _keys[start + next] < key ? next + 1 : next;
    }

    // One vertex has no edge; two have one each way.
    private static int EdgesOf(int[] layers, int l) => layers[l + 1] - layers[l] is var size && size > 1 ? size : 0;

    private void Merge(float[] vertices, int[] layers, int l, int nextSize)
    {
        int edges = EdgesOf(layers, l), first = layers[l], start = _starts[l], next = _starts[l + 1], own = 0, shared = 0;
        for (int j = 0; j < _starts[l + 1] - start; j++)
        {
            _own[start + l + j] = own;
            double mine = own < edges ? EdgeKey(vertices, first, edges, own) : double.PositiveInfinity;
            double other = shared < nextSize ? _keys[next + shared] : double.PositiveInfinity;
            if (own < edges && mine <= other)
            {
                _keys[start + j] = mine;
                own++;
            }
            else
            {
                _keys[start + j] = other;
                shared += 2;
            }
        }

        _own[next + l] = own;
    }

    private static double EdgeKey(float[] vertices, int first, int edges, int edge)
    {
        int from = 2 * (first + edge), to = 2 * (first + (edge + 1 == edges ? 0 : edge + 1));
        return Key((double)vertices[to] - vertices[from], (double)vertices[to + 1] - vertices[from + 1]);
    }
}
