namespace Halfspace.Reporting.Trees;

/// <summary>Cuts a cell by the arrangement of several hyperplanes at once.</summary>
/// <remarks>t hyperplanes divide space into at most Φ_d(t) = C(t,0) + … + C(t,d) regions, and any further hyperplane crosses at most
/// Φ_{d−1}(t) of them: those in which the t others divide it. So it is worth cutting as evenly as t hyperplanes can: each is chosen, from
/// planes through random points and from their parallels, to leave the fewest pairs of points in one region.</remarks>
internal sealed class ArrangementSplit : CellSplit
{
    private const int SampleSize = 512;
    private const int Candidates = 16;

    private readonly int _leafSize;
    private readonly int _most;
    private readonly Random _random = new(20241014);
    private readonly double[] _sample;
    private readonly double[] _scores = new double[SampleSize];
    private readonly int[] _byScore = new int[SampleSize];
    private readonly int[] _codes = new int[SampleSize];
    private readonly int[] _below;
    private readonly int[] _above;
    private readonly double[] _normals;
    private readonly double[] _offsets;
    private readonly double[] _candidate;
    private readonly Hyperplane _through;
    private int[] _rowCodes = [];
    private int[] _sorted = [];

    public ArrangementSplit(PointSet points, int leafSize) : base(points)
    {
        _leafSize = leafSize;
        _most = MostPlanes(Dimension);
        _sample = new double[SampleSize * Dimension];
        _below = new int[1 << _most];
        _above = new int[1 << _most];
        _normals = new double[_most * Dimension];
        _offsets = new double[_most];
        _candidate = new double[Dimension];
        _through = new Hyperplane(Dimension);
    }

    /// <summary>t, by dimension: 16, 37, 64 and 99 regions at d = 1 to 4, then 32.</summary>
    public static int MostPlanes(int dimension) => dimension switch { 1 => 15, 2 => 8, 3 or 4 => 7, _ => 5 };

    /// <summary>Φ_d(t).</summary>
    public static int Regions(int planes, int dimension)
    {
        long sum = 0, choose = 1;
        for (int i = 0; i <= Math.Min(planes, dimension); i++)
        {
            sum += choose;
            choose = choose * (planes - i) / (i + 1);
        }

        return (int)sum;
    }

    public override int Split(Span<int> rows, List<int> ends)
    {
        int planes = 1;
        while (planes < _most && Regions(planes, Dimension) * _leafSize < rows.Length) planes++;
        int sampled = Sample(rows);
        for (int i = 0; i < planes; i++) Choose(i, sampled);
        int largest = Sort(rows, planes, ends);
        if (largest <= rows.Length - (rows.Length / 4)) return Regions(planes, Dimension - 1);
        ends.Clear();
        return Halve(rows, ends);
    }

    private int Sample(ReadOnlySpan<int> rows)
    {
        ReadOnlySpan<float> values = Values.Span;
        int sampled = Math.Min(SampleSize, rows.Length);
        for (int s = 0; s < sampled; s++)
        {
            int row = rows[sampled == rows.Length ? s : _random.Next(rows.Length)];
            for (int j = 0; j < Dimension; j++) _sample[(s * Dimension) + j] = values[(row * Dimension) + j];
            _codes[s] = 0;
        }

        return sampled;
    }

    // Adds the plane that leaves the fewest pairs together.
    private void Choose(int plane, int sampled)
    {
        double best = double.PositiveInfinity;
        Span<double> normal = _normals.AsSpan(plane * Dimension, Dimension);
        for (int c = 0; c < Candidates; c++)
        {
            _through.ThroughRandom(_sample.AsSpan(0, sampled * Dimension), _random, _candidate);
            double pairs = BestOffset(sampled, 1 << plane, out double offset);
            if (pairs >= best) continue;
            best = pairs;
            _candidate.CopyTo(normal);
            _offsets[plane] = offset;
        }

        for (int s = 0; s < sampled; s++)
            if (Dot(normal, _sample.AsSpan(s * Dimension, Dimension)) >= _offsets[plane]) _codes[s] |= 1 << plane;
    }

    // Sweeps the candidate from below to above all sample points, keeping Σ l² + r² over the regions it divides into l and r points.
    private double BestOffset(int sampled, int codes, out double offset)
    {
        Span<double> scores = _scores.AsSpan(0, sampled);
        Span<int> order = _byScore.AsSpan(0, sampled);
        _below.AsSpan(0, codes).Clear();
        _above.AsSpan(0, codes).Clear();
        long pairs = 0;
        for (int s = 0; s < sampled; s++)
        {
            scores[s] = Dot(_candidate, _sample.AsSpan(s * Dimension, Dimension));
            order[s] = s;
            pairs += (2 * _above[_codes[s]]++) + 1;
        }

        scores.Sort(order);
        long best = pairs;
        offset = double.NegativeInfinity;
        for (int i = 0; i + 1 < sampled; i++)
        {
            int code = _codes[order[i]];
            pairs += (2 * _below[code]++) + 1 - ((2 * --_above[code]) + 1);
            if (pairs >= best || scores[i + 1] == scores[i]) continue;
            best = pairs;
            offset = scores[i] + ((scores[i + 1] - scores[i]) / 2);
        }

        return best;
    }

    // Brings rows of a region together; the size of the largest.
    private int Sort(Span<int> rows, int planes, List<int> ends)
    {
        if (_rowCodes.Length < rows.Length) (_rowCodes, _sorted) = (new int[rows.Length], new int[rows.Length]);
        ReadOnlySpan<float> values = Values.Span;
        Span<int> starts = _below.AsSpan(0, 1 << planes);
        starts.Clear();
        for (int i = 0; i < rows.Length; i++)
        {
            ReadOnlySpan<float> point = values.Slice(rows[i] * Dimension, Dimension);
            int code = 0;
            for (int p = 0; p < planes; p++)
            {
                double score = 0;
                for (int j = 0; j < point.Length; j++) score += _normals[(p * Dimension) + j] * point[j];
                code |= score >= _offsets[p] ? 1 << p : 0;
            }

            _rowCodes[i] = code;
            starts[code]++;
        }

        int largest = 0, end = 0;
        foreach (ref int start in starts)
        {
            int size = start;
            largest = Math.Max(largest, size);
            start = end;
            end += size;
            if (size > 0) ends.Add(end);
        }

        for (int i = 0; i < rows.Length; i++) _sorted[starts[_rowCodes[i]]++] = rows[i];
        _sorted.AsSpan(0, rows.Length).CopyTo(rows);
        return largest;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int j = 0; j < a.Length; j++) sum += a[j] * b[j];
        return sum;
    }
}
