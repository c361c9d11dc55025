using System.Text.Json;
using ScottPlot;

// Lines of `halfspace bench --json` as a picture of the time of a prompt's attention, beside n² and the paper's n^(1+4/5).
if (args.Length != 2)
{
    Console.Error.WriteLine("Give a file of JSON lines with prefill, depth and prefill_attention_s, and the picture's path.");
    return 2;
}

Plot plot = new();
var lines = File.ReadLines(args[0]).Where(line => line.StartsWith('{')).Select(line => JsonDocument.Parse(line).RootElement)
    .Where(line => line.TryGetProperty("prefill_attention_s", out _));
(double Depth, double Seconds) first = default;
foreach (var mode in lines.GroupBy(line => line.GetProperty("prefill").GetString()!))
{
    (double Depth, double Seconds)[] points =
        [.. mode.Select(line => (line.GetProperty("depth").GetDouble(), line.GetProperty("prefill_attention_s").GetDouble())).Order()];
    if (mode.Key == "dense") first = points[0];
    Add(points, mode.Key, dotted: false);
}

if (first.Depth > 0)
{
    double[] depths = [.. lines.Select(line => line.GetProperty("depth").GetDouble()).Distinct().Order()];
    foreach ((double power, string name) in (IEnumerable<(double, string)>)[(2, "n²"), (1.8, "n^1.8")])
        Add([.. depths.Select(n => (n, first.Seconds * Math.Pow(n / first.Depth, power)))], name, dotted: true);
}

plot.Title("Attention of a prompt, two threads");
plot.XLabel("log2 of tokens");
plot.YLabel("log10 of seconds");
plot.ShowLegend(Alignment.UpperLeft);
plot.SavePng(args[1], 620, 420);
return 0;

void Add((double Depth, double Seconds)[] points, string name, bool dotted)
{
    var line = plot.Add.Scatter(points.Select(p => Math.Log2(p.Depth)).ToArray(), points.Select(p => Math.Log10(p.Seconds)).ToArray());
    line.LegendText = name;
    line.LineWidth = 2;
    line.LinePattern = dotted ? LinePattern.Dotted : LinePattern.Solid;
    if (dotted) line.MarkerSize = 0;
}
