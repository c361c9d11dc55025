using System.Text.Json;
using ScottPlot;

// Lines of `halfspace perplexity --json`, each with a `series` added, as a picture of KL against keys a head.
if (args.Length != 2)
{
    Console.Error.WriteLine("Give a file of JSON lines with series, keys_per_head and kl, and the picture's path.");
    return 2;
}

Plot plot = new();
var series = File.ReadLines(args[0]).Where(line => line.StartsWith('{')).Select(line => JsonDocument.Parse(line).RootElement)
    .GroupBy(line => line.GetProperty("series").GetString()!);
foreach (var one in series)
{
    (double Keys, double Kl)[] points =
        [.. one.Select(line => (line.GetProperty("keys_per_head").GetDouble(), line.GetProperty("kl").GetDouble())).Order()];
    var line = plot.Add.Scatter(points.Select(p => Math.Log2(p.Keys)).ToArray(), points.Select(p => Math.Log10(p.Kl)).ToArray());
    line.LegendText = one.Key;
    line.LineWidth = 2;
}

plot.Title("King James Bible, 8,192 tokens, the last 512");
plot.XLabel("log2 of keys a head attends to");
plot.YLabel("log10 KL(dense‖sparse), nats");
plot.ShowLegend(Alignment.LowerLeft);
plot.SavePng(args[1], 620, 420);
return 0;
