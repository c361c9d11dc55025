using Halfspace.Reporting.Geometry;

namespace Halfspace.Reporting.Spatial;

/// <summary>For every layer, a vertex that is extreme in about a given direction: where a climb begins.</summary>
/// <remarks>Directions are the squares of a grid on the faces of a cube, about one for each vertex.</remarks>
internal sealed class DirectionTable
{
    private readonly int[] _starts;
    private readonly int[] _sides;
    private readonly int[] _vertices;

    public DirectionTable(Shell shell, float[] coordinates)
    {
        int layers = shell.Starts.Length - 1;
        _starts = new int[layers + 1];
        _sides = new int[layers];
        for (int l = 0; l < layers; l++)
        {
            _sides[l] = Math.Max(1, (int)Math.Sqrt((shell.Starts[l + 1] - shell.Starts[l]) / 6.0));
            _starts[l + 1] = _starts[l] + (6 * _sides[l] * _sides[l]);
        }

        _vertices = new int[_starts[layers]];
        Span<float> direction = stackalloc float[3];
        for (int l = 0; l < layers; l++)
        {
            int at = shell.Starts[l], steps = 0;
            for (int i = 0; i < _starts[l + 1] - _starts[l]; i++)
            {
                Centre(i, _sides[l], direction);
                at = Climb(shell, coordinates, direction, at, ref steps);
                _vertices[_starts[l] + i] = at;
            }
        }
    }

    public long Bytes => 4L * (_starts.Length + _sides.Length + _vertices.Length);

    /// <summary>The vertex to begin with.</summary>
    public int Near(int layer, ReadOnlySpan<float> direction)
    {
        int axis = Math.Abs(direction[1]) > Math.Abs(direction[0]) ? 1 : 0;
        if (Math.Abs(direction[2]) > Math.Abs(direction[axis])) axis = 2;
        double size = Math.Abs((double)direction[axis]);
        int side = _sides[layer];
        int u = Square(direction[(axis + 1) % 3] / size, side), v = Square(direction[(axis + 2) % 3] / size, side);
        int face = (2 * axis) + (direction[axis] < 0 ? 1 : 0);
        return _vertices[_starts[layer] + (((face * side) + u) * side) + v];
    }

    /// <summary>The extreme vertex of a layer: a vertex without a higher neighbour is the highest of a convex surface.</summary>
    public static int Climb(Shell shell, float[] coordinates, ReadOnlySpan<float> direction, int at, ref int steps)
    {
        while (true)
        {
            int best = at;
            foreach (int neighbour in shell.NeighboursOf(at))
            {
                steps++;
                if (ScoreOrder.IsHigher(direction, coordinates.AsSpan(3 * neighbour, 3), coordinates.AsSpan(3 * best, 3))) best = neighbour;
            }

            if (best == at) return at;
            at = best;
        }
    }

    private static int Square(double ratio, int side) => Math.Clamp((int)((ratio + 1) / 2 * side), 0, side - 1);

    private static void Centre(int index, int side, Span<float> direction)
    {
        int face = index / (side * side), u = index / side % side, v = index % side;
        direction[face / 2] = face % 2 == 0 ? 1 : -1;
        direction[((face / 2) + 1) % 3] = ((2 * u) + 1f - side) / side;
        direction[((face / 2) + 2) % 3] = ((2 * v) + 1f - side) / side;
    }
}
