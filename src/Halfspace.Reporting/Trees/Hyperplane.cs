namespace Halfspace.Reporting.Trees;

/// <summary>Normals of hyperplanes through sample points: they follow the sample's shape, whatever its scales and axes.</summary>
internal sealed class Hyperplane(int dimension)
{
    // Above this elimination costs more than its planes are worth.
    private const int MaxThrough = 8;

    private readonly double[] _rows = new double[dimension <= MaxThrough ? dimension * dimension : 0];
    private readonly int[] _pivots = new int[dimension];

    /// <summary>A normal of a plane through d random points; above eight dimensions, or where they do not span one, the difference of
    /// two.</summary>
    /// <param name="sample">[points × d], at least one.</param>
    /// <param name="random">Chooses.</param>
    /// <param name="normal">[d].</param>
    public void ThroughRandom(ReadOnlySpan<double> sample, Random random, Span<double> normal)
    {
        int count = sample.Length / dimension;
        if (dimension <= MaxThrough && count > dimension && TryThrough(sample, random, count, normal)) return;
        int a = random.Next(count) * dimension, b = random.Next(count) * dimension;
        for (int j = 0; j < dimension; j++) normal[j] = sample[a + j] - sample[b + j];
    }

    // Gauss elimination of the d − 1 differences, with complete pivoting; the free column gives the normal.
    private bool TryThrough(ReadOnlySpan<double> sample, Random random, int count, Span<double> normal)
    {
        int rows = dimension - 1, first = random.Next(count) * dimension;
        for (int r = 0; r < rows; r++)
        {
            int at = random.Next(count) * dimension;
            for (int j = 0; j < dimension; j++) _rows[(r * dimension) + j] = sample[at + j] - sample[first + j];
        }

        for (int j = 0; j < dimension; j++) _pivots[j] = j;
        for (int r = 0; r < rows; r++)
            if (!Eliminate(r, rows)) return false;
        int free = _pivots[rows];
        normal[free] = 1;
        for (int r = rows - 1; r >= 0; r--)
        {
            double sum = _rows[(r * dimension) + free];
            for (int c = r + 1; c < rows; c++) sum += _rows[(r * dimension) + _pivots[c]] * normal[_pivots[c]];
            normal[_pivots[r]] = -sum / _rows[(r * dimension) + _pivots[r]];
        }

        foreach (double value in normal)
            if (!double.IsFinite(value)) return false;
        return true;
    }

    private bool Eliminate(int r, int rows)
    {
        int row = r, column = r;
        for (int i = r; i < rows; i++)
            for (int j = r; j < dimension; j++)
                if (Math.Abs(_rows[(i * dimension) + _pivots[j]]) > Math.Abs(_rows[(row * dimension) + _pivots[column]]))
                    (row, column) = (i, j);
        if (_rows[(row * dimension) + _pivots[column]] == 0) return false;
        (_pivots[r], _pivots[column]) = (_pivots[column], _pivots[r]);
        for (int j = 0; j < dimension && row != r; j++)
            (_rows[(r * dimension) + j], _rows[(row * dimension) + j]) = (_rows[(row * dimension) + j], _rows[(r * dimension) + j]);
        for (int i = r + 1; i < rows; i++)
        {
            double factor = _rows[(i * dimension) + _pivots[r]] / _rows[(r * dimension) + _pivots[r]];
            for (int j = r; j < dimension; j++) _rows[(i * dimension) + _pivots[j]] -= factor * _rows[(r * dimension) + _pivots[j]];
        }

        return true;
    }
}
