using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting.Trees;

/// <summary>How far each cell reaches in a fixed set of directions.</summary>
/// <remarks>A query that is a sum of directions with weights λ ≥ 0 scores at most Σ λ·h in a cell with reaches h: linear programming's
/// weak duality. Boxes use the axes, ±eᵢ. Polytopes use all vectors of −1, 0 and 1: sorted by size, |a₁| ≥ |a₂| ≥ …, a query is Σ (|aⱼ| −
/// |aⱼ₊₁|)(±e₁ ± … ± eⱼ), so d of the 3^d − 1 directions bound it, whichever cone of the fan it lies in.</remarks>
internal sealed class SupportBounds : CellBounds
{
    /// <summary>Polytopes have 3^d − 1 reaches a cell: 2, 8, 26, 80.</summary>
    public const int MaxPolytopeDimension = 4;

    private readonly int _dimension;
    private readonly int _cells;
    private readonly bool _boxes;

    // [directions × cells]; direction 2p + 1 is the opposite of direction 2p.
    private readonly ReadOnlyMemory<float> _reaches;

    private SupportBounds(int dimension, int cells, bool boxes, ReadOnlyMemory<float> reaches)
    {
        _dimension = dimension;
        _cells = cells;
        _boxes = boxes;
        _reaches = reaches;
    }

    public override int BytesPerTest => 2 * sizeof(float) * _dimension;

    public override long Bytes => (long)sizeof(float) * _reaches.Length;

    /// <param name="cells">The tree.</param>
    /// <param name="points">Its points.</param>
    /// <param name="boxes">Axes only; forced above <see cref="MaxPolytopeDimension"/>.</param>
    public static SupportBounds Build(Cells cells, PointSet points, bool boxes)
    {
        boxes |= points.Dimension > MaxPolytopeDimension;
        int dim = points.Dimension, count = cells.All.Length;
        float[] reaches = new float[checked(DirectionsOf(dim, boxes) * count)];
        Array.Fill(reaches, float.NegativeInfinity);
        ReadOnlySpan<float> values = points.Widened().Span;
        sbyte[] signs = boxes ? [] : Signs(dim);
        for (int i = count - 1; i >= 0; i--)
        {
            Cell cell = cells.All[i];
            if (cell.Children > 0) Join(reaches, count, i, cell);
            else if (boxes) ReachAxes(values, dim, cells.RowsOf(cell), reaches, count, i);
            else ReachAll(values, dim, cells.RowsOf(cell), signs, reaches, count, i);
        }

        return new(dim, count, boxes, reaches);
    }

    public static SupportBounds Read(IndexReader reader, Cells cells, bool boxes)
    {
        boxes |= reader.Dimension > MaxPolytopeDimension;
        int count = cells.All.Length;
        long reaches = (long)DirectionsOf(reader.Dimension, boxes) * count;
        return new(reader.Dimension, count, boxes, reader.Memory<float>(SectionId.CellBounds, reaches));
    }

    public override CellQuery Prepare(ReadOnlySpan<float> query, double norm, ReportScratch scratch)
    {
        Span<int> directions = scratch.Directions(_dimension);
        Span<double> weights = scratch.Weights(_dimension);
        int used = _boxes ? ByAxes(query, directions, weights) : ByFan(query, directions, weights);
        return new() { Query = query, Norm = norm, Directions = directions[..used], Weights = weights[..used] };
    }

    public override void Bracket(in CellQuery query, int first, Span<double> lower, Span<double> upper)
    {
        Span<double> lowerSize = stackalloc double[CellTree.Siblings], upperSize = stackalloc double[CellTree.Siblings];
        int count = lower.Length;
        lower.Clear();
        upper.Clear();
        lowerSize.Clear();
        upperSize.Clear();
        ReadOnlySpan<float> reaches = _reaches.Span;
        for (int j = 0; j < query.Directions.Length; j++)
        {
            int direction = query.Directions[j];
            double weight = query.Weights[j];
            ReadOnlySpan<float> along = reaches.Slice((direction * _cells) + first, count);
            ReadOnlySpan<float> against = reaches.Slice(((direction ^ 1) * _cells) + first, count);
            for (int i = 0; i < count; i++)
            {
                double up = weight * along[i], down = weight * against[i];
                upper[i] += up;
                lower[i] -= down;
                upperSize[i] += Math.Abs(up);
                lowerSize[i] += Math.Abs(down);
            }
        }

        // A weight is rounded, and so is its product: two more than a sum of exact products.
        for (int i = 0; i < count; i++)
        {
            upper[i] += PointTest.Slack(_dimension, upperSize[i]);
            lower[i] -= PointTest.Slack(_dimension, lowerSize[i]);
        }
    }

    public override void Write(IndexWriter writer) => writer.Add(SectionId.CellBounds, _reaches.Span);

    private static int DirectionsOf(int dimension, bool boxes) => boxes ? 2 * dimension : Power(dimension) - 1;

    private static int Power(int dimension)
    {
        int power = 1;
        for (int i = 0; i < dimension; i++) power *= 3;
        return power;
    }

    private static int ByAxes(ReadOnlySpan<float> query, Span<int> directions, Span<double> weights)
    {
        int used = 0;
        for (int j = 0; j < query.Length; j++)
        {
            if (query[j] == 0) continue;
            directions[used] = (2 * j) + (query[j] < 0 ? 1 : 0);
            weights[used++] = Math.Abs((double)query[j]);
        }

        return used;
    }

    private static int ByFan(ReadOnlySpan<float> query, Span<int> directions, Span<double> weights)
    {
        // Insertion by size, largest first.
        Span<int> axes = stackalloc int[MaxPolytopeDimension];
        for (int j = 0; j < query.Length; j++)
        {
            int at = j;
            for (; at > 0 && Math.Abs(query[axes[at - 1]]) < Math.Abs(query[j]); at--) axes[at] = axes[at - 1];
            axes[at] = j;
        }

        // A direction's number comes from its digits base 3 (1 for +, 2 for −): see Number.
        int digits = 0, used = 0;
        for (int j = 0; j < query.Length; j++)
        {
            digits += (query[axes[j]] < 0 ? 2 : 1) * Power(axes[j]);
            double next = j + 1 < query.Length ? Math.Abs((double)query[axes[j + 1]]) : 0, weight = Math.Abs((double)query[axes[j]]) - next;
            if (weight == 0) continue;
            directions[used] = Number(digits, query.Length);
            weights[used++] = weight;
        }

        return used;
    }

    // Opposite vectors are neighbours. The first of a pair has 1 as its highest digit; before it are (3^h − 1)/2 of fewer digits.
    private static int Number(int digits, int dimension)
    {
        int opposite = 0;
        for (int power = 1, rest = digits; power < Power(dimension); power *= 3, rest /= 3) opposite += (3 - (rest % 3)) % 3 * power;
        int first = Math.Min(digits, opposite), highest = 1;
        while (highest * 3 <= first) highest *= 3;
        int pair = ((highest - 1) / 2) + (first - highest);
        return (2 * pair) + (digits == first ? 0 : 1);
    }

    private static void Join(float[] reaches, int count, int cell, Cell parent)
    {
        for (int start = 0; start < reaches.Length; start += count)
        {
            float reach = float.NegativeInfinity;
            foreach (float child in reaches.AsSpan(start + parent.Child, parent.Children)) reach = Math.Max(reach, child);
            reaches[start + cell] = reach;
        }
    }

    private static void ReachAxes(ReadOnlySpan<float> values, int dim, ReadOnlySpan<int> rows, float[] reaches, int count, int cell)
    {
        for (int j = 0; j < dim; j++)
        {
            (float low, float high) = AxisExtent.Of(values, dim, j, rows);

            reaches[(2 * j * count) + cell] = high;
            reaches[(((2 * j) + 1) * count) + cell] = -low;
        }
    }

    private static void ReachAll(
        ReadOnlySpan<float> values, int dim, ReadOnlySpan<int> rows, ReadOnlySpan<sbyte> signs, float[] reaches, int count, int cell)
    {
        for (int pair = 0; pair * dim < signs.Length; pair++)
        {
            ReadOnlySpan<sbyte> direction = signs.Slice(pair * dim, dim);
            double low = double.PositiveInfinity, high = double.NegativeInfinity, largest = 0;
            foreach (int row in rows)
            {
                double sum = 0, size = 0;
                for (int j = 0; j < direction.Length; j++)
                {
                    double term = direction[j] * (double)values[(row * dim) + j];
                    sum += term;
                    size += Math.Abs(term);
                }

                low = Math.Min(low, sum);
                high = Math.Max(high, sum);
                largest = Math.Max(largest, size);
            }

            // The sums of several coordinates are rounded.
            int axes = 0;
            foreach (sbyte sign in direction) axes += sign & 1;
            double error = axes > 1 ? axes * 2.3e-16 * largest : 0;
            reaches[(2 * pair * count) + cell] = RoundUp(high + error);
            reaches[(((2 * pair) + 1) * count) + cell] = RoundUp(error - low);
        }
    }

    // [pairs × d]: the first direction of every pair.
    private static sbyte[] Signs(int dim)
    {
        sbyte[] signs = new sbyte[(Power(dim) - 1) / 2 * dim];
        for (int digits = 1; digits < Power(dim); digits++)
        {
            int number = Number(digits, dim);
            if (number % 2 != 0) continue;
            for (int j = 0, rest = digits; j < dim; j++, rest /= 3) signs[(number / 2 * dim) + j] = (sbyte)(rest % 3 == 2 ? -1 : rest % 3);
        }

        return signs;
    }
}
