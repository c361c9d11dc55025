namespace Halfspace.Reporting.Trees;

/// <summary>How a structure cuts a cell.</summary>
internal abstract class CellSplit
{
    private float[] _keys = [];

    protected CellSplit(PointSet points)
    {
        Dimension = points.Dimension;
        Values = points.Widened();
    }

    protected int Dimension { get; }

    /// <summary>[n × d].</summary>
    protected ReadOnlyMemory<float> Values { get; }

    /// <summary>Reorders a cell's rows so that each child's are together.</summary>
    /// <param name="rows">More than a leaf's.</param>
    /// <param name="ends">Filled with where each child ends; fewer than two make a leaf.</param>
    /// <returns>How many children one hyperplane can cross at most.</returns>
    public abstract int Split(Span<int> rows, List<int> ends);

    /// <summary>Halves the rows by their median along the axis of the largest extent; none where all points are equal.</summary>
    protected int Halve(Span<int> rows, List<int> ends)
    {
        int axis = WidestAxis(rows);
        if (axis < 0) return 0;
        if (_keys.Length < rows.Length) _keys = new float[rows.Length];
        ReadOnlySpan<float> values = Values.Span;
        for (int i = 0; i < rows.Length; i++) _keys[i] = values[(rows[i] * Dimension) + axis];
        Select(_keys.AsSpan(0, rows.Length), rows, rows.Length / 2);
        ends.Add(rows.Length / 2);
        ends.Add(rows.Length);
        return 2;
    }

    private int WidestAxis(ReadOnlySpan<int> rows)
    {
        ReadOnlySpan<float> values = Values.Span;
        int widest = -1;
        double extent = 0;
        for (int axis = 0; axis < Dimension; axis++)
        {
            (float low, float high) = AxisExtent.Of(values, Dimension, axis, rows);

            if ((double)high - low <= extent) continue;
            extent = (double)high - low;
            widest = axis;
        }

        return widest;
    }

    // Hoare's selection: keys before position k are not larger than those from k on.
    private static void Select(Span<float> keys, Span<int> rows, int k)
    {
        int low = 0, high = keys.Length - 1;
        while (low < high)
        {
            float pivot = Median(keys[low], keys[(low + high) >>> 1], keys[high]);
            int i = low, j = high;
            while (i <= j)
            {
                while (keys[i] < pivot) i++;
                while (keys[j] > pivot) j--;
                if (i > j) break;
                (keys[i], keys[j]) = (keys[j], keys[i]);
                (rows[i], rows[j]) = (rows[j], rows[i]);
                i++;
                j--;
            }

            if (k <= j) high = j;
            else if (k >= i) low = i;
            else return;
        }
    }

    private static float Median(float a, float b, float c) => Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));
}

/// <summary>The k-d tree's and the ball tree's cut.</summary>
internal sealed class MedianSplit(PointSet points) : CellSplit(points)
{
    public override int Split(Span<int> rows, List<int> ends) => Halve(rows, ends);
}
