using System.Globalization;
using System.Text.Json;
using ScottPlot;

// The output of `halfspace bench reporting --json` as pictures and as the tables of docs/reporting.md.
if (args.Length != 2)
{
    Console.Error.WriteLine("Give a file of JSON lines from `halfspace bench reporting --json` and a folder for the pictures.");
    return 2;
}

List<Measured> measured = [];
List<JsonElement> slopes = [];
foreach (string line in File.ReadLines(args[0]).Where(line => line.StartsWith('{')))
{
    JsonElement json = JsonDocument.Parse(line).RootElement;
    if (json.TryGetProperty("slope_points", out _)) slopes.Add(json);
    else if (json.TryGetProperty("query_us", out JsonElement time))
        measured.Add(new Measured(
            json.GetProperty("structure").GetString()!,
            json.GetProperty("dim").GetInt32(),
            json.GetProperty("set").GetString()!,
            json.GetProperty("n").GetInt32(),
            json.GetProperty("k").GetDouble(),
            time.GetDouble(),
            json.GetProperty("points_scored").GetDouble()));
}

// k near 32: the smaller k of each structure, set and size.
List<Measured> few = [.. measured.GroupBy(m => (m.Structure, m.Dim, m.Set, m.N)).Select(group => group.MinBy(m => m.K)!)];
foreach (int dim in few.Select(m => m.Dim).Distinct()) Draw(dim);
WriteTable();
return 0;

void Draw(int dim)
{
    Plot plot = new();
    foreach (var structure in few.Where(m => m.Dim == dim && m.Set == "uniform").GroupBy(m => m.Structure))
    {
        Measured[] sizes = [.. structure.OrderBy(m => m.N)];
        var line = plot.Add.Scatter(
            sizes.Select(m => Math.Log2(m.N)).ToArray(), sizes.Select(m => Math.Log10(Math.Max(m.Microseconds, 0.01))).ToArray());
        line.LegendText = structure.Key;
        line.LineWidth = 2;
    }

    plot.Title(string.Create(CultureInfo.InvariantCulture, $"d = {dim}, uniform, k near 32"));
    plot.XLabel("log2 n");
    plot.YLabel("log10 microseconds a query");
    plot.ShowLegend(Alignment.UpperLeft);
    Directory.CreateDirectory(args[1]);
    plot.SavePng(Path.Combine(args[1], $"reporting-d{dim}.png"), 560, 380);
}

void WriteTable()
{
    Console.WriteLine("| d | structure | scored: exponent | time: exponent | theory | µs at the largest n | scored there | of the scan's time |");
    Console.WriteLine("|---|---|---|---|---|---|---|---|");
    foreach (JsonElement slope in slopes)
    {
        string structure = slope.GetProperty("structure").GetString()!;
        int dim = slope.GetProperty("dim").GetInt32();
        Measured? last = few.Where(m => m.Dim == dim && m.Structure == structure && m.Set == "uniform").MaxBy(m => m.N);
        Measured? scan = few.FirstOrDefault(m => m.Dim == dim && m.Structure == "flat" && m.Set == "uniform" && m.N == last?.N);
        if (last is null || scan is null) continue;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {dim} | {structure} | {Number(slope, "slope_points")} | {Number(slope, "slope_time")} | {Number(slope, "theory")} | " +
            $"{last.Microseconds:0.0} (n = 2^{Math.Log2(last.N):0}) | {last.Scored:0} | {last.Microseconds / scan.Microseconds:0.0000} |"));
    }
}

static string Number(JsonElement json, string name) => json.GetProperty(name).GetDouble().ToString("0.00", CultureInfo.InvariantCulture);

internal sealed record Measured(string Structure, int Dim, string Set, int N, double K, double Microseconds, double Scored);
