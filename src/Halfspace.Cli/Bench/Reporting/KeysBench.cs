using System.Diagnostics;
using System.Globalization;
using Halfspace.Kernels;
using Halfspace.Reporting;

namespace Halfspace.Cli.Bench.Reporting;

/// <summary>Sketches against the scan on real keys: d = 64, n = 8,192, biases that report 256; the layers take turns, as in decoding.</summary>
internal sealed class KeysBench
{
    private const int Reported = 256, Heads = 3;

    private readonly List<Layer> _layers = [];
    private readonly HitList[] _hits = [new(), new(), new()];
    private readonly float[] _scores = new float[Heads * ReportingSets.KeyCount];
    private readonly int _positions;

    private KeysBench()
    {
        foreach (int layer in ReportingSets.KeyLayers()) _layers.Add(new Layer(layer));
        _positions = _layers[0].Biases.Length / Heads;
    }

    /// <summary>Checks that both report the same, then times both; nothing where the keys are not at hand.</summary>
    public static void Run(bool json, TextWriter output, CancellationToken stop)
    {
        if (ReportingSets.KeyLayers().Length == 0) return;
        KeysBench bench = new();
        KeysReport report = bench.Measure(stop);
        if (json)
        {
            CliJson.WriteLine(output, report, CliJson.Default.KeysReport);
            return;
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""

            Real keys, d = 64, n = 8192, k = 256, {bench._layers.Count} layers in turn, {Simd.Selected.ToString().ToLowerInvariant()}
            sketch equals scan in {report.Queries} queries; verifies {report.Verified:P2} of the keys
            float scan            {report.FlatMicroseconds,8:0.00} µs
            sketch, one query     {report.SketchMicroseconds,8:0.00} µs   {report.Speedup:0.00} times the scan's speed
            sketch, three a pass  {report.SketchPassMicroseconds,8:0.00} µs   {report.PassRatio:0.00} times the pairs a second of one
            scores, one query     {report.ScoresMicroseconds,8:0.00} µs
            scores, three a pass  {report.ScoresPassMicroseconds,8:0.00} µs   {report.ScoresPassRatio:0.00} times the pairs a second of one
            """));
    }

    private KeysReport Measure(CancellationToken stop)
    {
        long verified = 0, queries = 0;
        foreach (Layer layer in _layers)
        {
            for (int q = 0; q < layer.Biases.Length; q++, queries++)
            {
                stop.ThrowIfCancellationRequested();
                layer.Flat.Report(layer.Query(q, 1), layer.Biases[q], _hits[0]);
                verified += layer.Sketch.Report(layer.Query(q, 1), layer.Biases[q], _hits[1]).PointsScored;
                if (!_hits[0].Ids.SequenceEqual(_hits[1].Ids))
                    throw new InvalidOperationException($"Query {q} of layer {layer.Number}: the sketch reports other keys than the scan.");
            }
        }

        int room = ReportingSets.KeyCount;
        double[] times = Time(
            [
                (layer, p) => layer.Flat.Report(layer.Query(p * Heads, 1), layer.Biases[p * Heads], _hits[0]),
                (layer, p) => layer.Sketch.Report(layer.Query(p * Heads, 1), layer.Biases[p * Heads], _hits[0]),
                (layer, p) => layer.Sketch.ReportBatch(layer.Query(p * Heads, Heads), layer.Biases.AsSpan(p * Heads, Heads), _hits),
                (layer, p) => layer.Sketch.Estimate(layer.Query(p * Heads, 1), _scores, room, _hits[0]),
                (layer, p) => layer.Sketch.Estimate(layer.Query(p * Heads, Heads), _scores, room, _hits[0]),
            ], stop);
        (double flat, double one, double pass, double scores, double scoresPass) = (times[0], times[1], times[2], times[3], times[4]);
        return new KeysReport
        {
            Queries = queries,
            Verified = Math.Round((double)verified / queries / ReportingSets.KeyCount, 5),
            FlatMicroseconds = Math.Round(flat, 3),
            SketchMicroseconds = Math.Round(one, 3),
            SketchPassMicroseconds = Math.Round(pass, 3),
            ScoresMicroseconds = Math.Round(scores, 3),
            ScoresPassMicroseconds = Math.Round(scoresPass, 3),
            Speedup = Math.Round(flat / one, 3),
            PassRatio = Math.Round(Heads * one / pass, 3),
            ScoresPassRatio = Math.Round(Heads * scores / scoresPass, 3),
        };
    }

    // Microseconds of each call, the lower tenth of short runs. The calls take turns run by run, so that what else the machine does, and how fast it
    // is at the moment, is the same for all.
    private double[] Time(Func<Layer, int, ReportCost>[] calls, CancellationToken stop)
    {
        const int Run = 32, Warm = 3, Rounds = 40;
        List<double>[] times = [.. calls.Select(_ => new List<double>())];
        for (int round = 0; round < Warm + Rounds; round++)
        {
            for (int p = 0; p + Run <= _positions; p += Run)
            {
                for (int c = 0; c < calls.Length; c++)
                {
                    stop.ThrowIfCancellationRequested();
                    long start = Stopwatch.GetTimestamp();
                    for (int i = 0; i < Run; i++)
                        foreach (Layer layer in _layers) calls[c](layer, p + i);
                    if (round >= Warm) times[c].Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds / (Run * _layers.Count));
                }
            }

            // The compiler replaces what is warm in the meantime.
            if (round < Warm) Thread.Sleep(100);
        }

        foreach (List<double> list in times) list.Sort();
        return [.. times.Select(list => list[list.Count / 10])];
    }

    private sealed class Layer
    {
        private readonly float[] _queries;

        public Layer(int number)
        {
            Number = number;
            PointSet keys = PointSet.From(ReportingSets.KeysOf(number), ReportingSets.KeyDimension);
            Flat = new FlatIndex(keys);
            Sketch = new SketchIndex(keys);
            _queries = ReportingSets.KeyQueries(number);
            Biases = ReportingCase.BiasesOf(keys, _queries, Reported)[0];
        }

        public int Number { get; }

        public FlatIndex Flat { get; }

        public SketchIndex Sketch { get; }

        public float[] Biases { get; }

        public ReadOnlySpan<float> Query(int first, int count) =>
            _queries.AsSpan(first * ReportingSets.KeyDimension, count * ReportingSets.KeyDimension);
    }
}
