using System.Diagnostics;
using Halfspace.Kernels.Reporting;
using Halfspace.Reporting;

namespace Halfspace.Cli.Bench.Reporting;

/// <summary>A set with queries and the biases at which each reports k points.</summary>
internal sealed class ReportingCase
{
    private readonly float[] _queries;
    private readonly Dictionary<int, float[]> _biases = [];

    public ReportingCase(string set, int n, int dimension, int queries)
    {
        (Set, Dimension, QueryCount) = (set, dimension, queries);
        Points = ReportingSets.Points(set, n, dimension);
        _queries = ReportingSets.Queries(set, queries, dimension);
        Many = (int)Math.Pow(n, 0.8);
        float[][] biases = BiasesOf(Points, _queries, Few, Many);
        _biases[Few] = biases[0];
        _biases[Many] = biases[1];
    }

    /// <summary>Few reported points.</summary>
    public const int Few = 32;

    /// <summary>n^{4/5} of them.</summary>
    public int Many { get; }

    public string Set { get; }

    public int Dimension { get; }

    public int QueryCount { get; }

    public PointSet Points { get; }

    /// <summary>Asks for long enough that the code is compiled as well as it will be.</summary>
    public void Warm(HalfspaceIndex index)
    {
        HitList hits = new();
        for (int round = 0; round < 4; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int call = 0; call < 64 || Stopwatch.GetElapsedTime(start).TotalMilliseconds < 20; call++)
                index.Report(Query(call % QueryCount), _biases[call % 2 == 0 ? Few : Many][call % QueryCount], hits);
            Thread.Sleep(60);
        }
    }

    /// <summary>Means over the queries: microseconds of the quickest of some calls, points scored, points reported.</summary>
    public (double Microseconds, double Scored, double Reported) Measure(HalfspaceIndex index, int k, CancellationToken stop)
    {
        HitList hits = new();
        double time = 0, scored = 0, reported = 0;
        for (int warm = 0; warm < 2 * QueryCount; warm++) index.Report(Query(warm % QueryCount), _biases[k][warm % QueryCount], hits);
        for (int q = 0; q < QueryCount; q++)
        {
            stop.ThrowIfCancellationRequested();
            double best = double.MaxValue;
            long begun = Stopwatch.GetTimestamp();
            for (int call = 0; call < 30 && (call < 2 || Stopwatch.GetElapsedTime(begun).TotalMilliseconds < 4); call++)
            {
                long start = Stopwatch.GetTimestamp();
                ReportCost cost = index.Report(Query(q), _biases[k][q], hits);
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMicroseconds);
                if (call == 0) scored += cost.PointsScored + cost.SketchesScored;
            }

            time += best;
            reported += hits.Count;
        }

        return (time / QueryCount, scored / QueryCount, reported / QueryCount);
    }

    /// <summary>For each query the score of its k-th largest point, for each k.</summary>
    public static float[][] BiasesOf(PointSet points, float[] queries, params ReadOnlySpan<int> ks)
    {
        int dimension = points.Dimension, count = queries.Length / dimension, n = points.Count;
        float[][] biases = [.. ks.ToArray().Select(_ => new float[count])];
        float[] scores = new float[n], row = new float[dimension];
        for (int q = 0; q < count; q++)
        {
            ReadOnlySpan<float> query = queries.AsSpan(q * dimension, dimension);
            for (int i = 0; i < n; i++)
            {
                points.CopyRow(i, row);
                scores[i] = (float)ExactDot.Sum<float>(query, row, out _);
            }

            Array.Sort(scores);
            for (int k = 0; k < ks.Length; k++) biases[k][q] = MathF.BitDecrement(scores[n - Math.Min(ks[k], n)]);
        }

        return biases;
    }

    private ReadOnlySpan<float> Query(int q) => _queries.AsSpan(q * Dimension, Dimension);
}
