using System.Diagnostics;
using System.Globalization;
using Halfspace.Kernels;
using Halfspace.Reporting;

namespace Halfspace.Cli.Bench.Reporting;

/// <summary><c>halfspace bench reporting</c>: what a query costs by structure, dimension, set and size, and the exponents of that.</summary>
internal sealed class ReportingBench
{
    /// <summary>Dimensions unless some are given.</summary>
    public static readonly int[] DefaultDimensions = [2, 3, 4, 8, 16, 64];

    public const int SmallestSize = 1 << 10, LargestSize = 1 << 20;

    // A structure whose next size would take longer to build is not built at it.
    private const double LongestBuildMilliseconds = 8_000;

    private readonly TextWriter _output;
    private readonly bool _json;
    private readonly CancellationToken _stop;
    private readonly List<ReportingReport> _reports = [];
    private readonly HashSet<string> _warm = [];

    private ReportingBench(bool json, TextWriter output, CancellationToken stop) => (_json, _output, _stop) = (json, output, stop);

    /// <summary>Measures, and writes a table or a JSON object a line.</summary>
    /// <param name="dimensions">The dimensions.</param>
    /// <param name="largest">The largest n; sizes are 2^10, 2^12, … up to it.</param>
    /// <param name="json">JSON lines instead of tables.</param>
    /// <param name="output">Where to.</param>
    /// <param name="stop">Ends the measurement.</param>
    public static int Run(IReadOnlyList<int> dimensions, int largest, bool json, TextWriter output, CancellationToken stop)
    {
        ReportingBench bench = new(json, output, stop);
        bench.Line($"SIMD tier {Simd.Selected.ToString().ToLowerInvariant()}. µs: mean over queries of the quickest of some calls. " +
            "scored: points or sketches read.");
        foreach (int dimension in dimensions) bench.Measure(dimension, largest);
        if (dimensions.Contains(ReportingSets.KeyDimension)) KeysBench.Run(json, output, stop);
        return ExitCode.Success;
    }

    private void Measure(int dimension, int largest)
    {
        _reports.Clear();
        Line($"{Environment.NewLine}d = {dimension}");
        Line($"{"structure",-18}{"set",-11}{"n",9}{"k",9}{"µs",12}{"scored",12}{"build ms",11}");
        Dictionary<string, double> builds = [];
        for (int n = SmallestSize; n <= largest; n *= 4)
        {
            foreach (string set in ReportingSets.For(dimension))
            {
                if (set == ReportingSets.Keys && n > ReportingSets.KeyCount) continue;
                ReportingCase one = new(set, n, dimension, n > 1 << 16 ? 8 : 16);
                foreach (IndexStructure structure in IndexStructure.For(dimension)) Measure(structure, one, builds);
            }
        }

        foreach (IndexStructure structure in IndexStructure.For(dimension)) Fit(structure, dimension);
    }

    private void Measure(IndexStructure structure, ReportingCase one, Dictionary<string, double> builds)
    {
        _stop.ThrowIfCancellationRequested();
        int n = one.Points.Count;
        string key = $"{structure.Name} {one.Set}";
        if (builds.GetValueOrDefault(key) * 5 > LongestBuildMilliseconds) return;
        long start = Stopwatch.GetTimestamp();
        using HalfspaceIndex index = structure.Build(one.Points, null);
        double build = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        if (_warm.Add($"{structure.Name} {one.Dimension}")) one.Warm(index);
        builds[key] = build;
        foreach (int k in (int[])[ReportingCase.Few, one.Many])
        {
            (double time, double scored, double reported) = one.Measure(index, k, _stop);
            ReportingReport report = new()
            {
                Structure = structure.Name,
                Dim = one.Dimension,
                Set = one.Set,
                N = n,
                K = Math.Round(reported, 1),
                QueryMicroseconds = Math.Round(time, 3),
                PointsScored = Math.Round(scored, 1),
                BuildMilliseconds = Math.Round(build, 2),
            };
            if (k == ReportingCase.Few) _reports.Add(report);
            if (_json) CliJson.WriteLine(_output, report, CliJson.Default.ReportingReport);
            Line($"{report.Structure,-18}{report.Set,-11}{n,9}{report.K,9:0}{time,12:0.00}{scored,12:0.0}{build,11:0.0}");
        }
    }

    private void Fit(IndexStructure structure, int dimension)
    {
        ReportingReport[] own = [.. _reports.Where(r => r.Structure == structure.Name)];
        double points = PowerLaw.Slope(own.Select(r => (r.Set, (double)r.N, r.PointsScored)));
        double time = PowerLaw.Slope(own.Select(r => (r.Set, (double)r.N, r.QueryMicroseconds)));
        if (!double.IsFinite(points)) return;
        ReportingSlopeReport report = new()
        {
            Structure = structure.Name,
            Dim = dimension,
            SlopePoints = Math.Round(points, 3),
            SlopeTime = Math.Round(time, 3),
            Theory = Math.Round(structure.Exponent(dimension), 3),
        };
        if (_json) CliJson.WriteLine(_output, report, CliJson.Default.ReportingSlopeReport);
        Line($"{report.Structure,-18}exponents at k near {ReportingCase.Few}: scored {points,6:0.000}  time {time,6:0.000}  theory {report.Theory,6:0.000}");
    }

    private void Line(FormattableString text)
    {
        if (!_json) _output.WriteLine(text.ToString(CultureInfo.InvariantCulture));
    }

    private void Line(string text)
    {
        if (!_json) _output.WriteLine(text);
    }
}
