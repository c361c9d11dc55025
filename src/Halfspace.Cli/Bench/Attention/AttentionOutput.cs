using System.Globalization;
using Spectre.Console;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>What was measured over a number of keys.</summary>
internal sealed record AttentionMeasurement(IReadOnlyList<AttentionReport> Kernels, AttentionRoofline Roofline);

/// <summary>Writes measurements as tables, or as JSON lines: one for each kernel, then the roofline.</summary>
internal sealed class AttentionOutput(TextWriter output, bool json)
{
    private bool _begun;

    public void Write(AttentionMeasurement measured)
    {
        if (json)
        {
            foreach (AttentionReport report in measured.Kernels) CliJson.WriteLine(output, report, CliJson.Default.AttentionReport);
            CliJson.WriteLine(output, measured.Roofline, CliJson.Default.AttentionRoofline);
            return;
        }

        AttentionRoofline roofline = measured.Roofline;
        if (!_begun) WriteHead(measured.Kernels[0], roofline);
        _begun = true;
        WriteTable(measured);
        double median = roofline.ReadGigabytesPerSecond, most = roofline.ReadGigabytesPerSecondMax;
        long size = roofline.ReadBytes >> 20;
        Line($"Memory is read at {median:0.0} GB/s (median; {most:0.0} at most), {size} MiB by {roofline.Threads} threads.");
    }

    private void WriteHead(AttentionReport report, AttentionRoofline roofline)
    {
        Line($"One layer, {report.Heads} query heads, {report.KvHeads} KV heads, d = {report.Dim}, one query position.");
        Line($"{roofline.Threads} threads, SIMD tier {roofline.Simd}.");
        Line($"Sparse policy {roofline.Policy}. ONNX Runtime {roofline.Onnxruntime}, float. Dense and sparse keep float16.");
        Line($"The KV heads hold the keys of one recorded head, each stored separately; where they repeat, they do with 1 % noise.");
        Line($"µs: median of rounds in which the kernels take turns over all sets of keys, so keys come from main memory; code is warm.");
        Line($"Errors: ‖output − oracle‖ / ‖oracle‖ of a head.");
    }

    private void WriteTable(AttentionMeasurement measured)
    {
        AttentionRoofline roofline = measured.Roofline;
        double peer = measured.Kernels[^1].Microseconds;
        Line($"");
        string layers = (roofline.Layers.Count > 1 ? "layers " : "layer ") + string.Join(", ", roofline.Layers);
        Line($"{roofline.Keys} keys; {roofline.Sets} sets of them, of {layers}; {roofline.Rounds} rounds");
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumn("kernel");
        string[] columns =
            ["µs", "fastest µs", "ORT / it", "G pairs/s", "mean error", "worst", "certificate", "keys a head", "MB", "bandwidth"];
        foreach (string column in columns)
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (AttentionReport r in measured.Kernels)
        {
            table.AddRow(r.Kernel, Number(r.Microseconds, "0.0"), Number(r.MicrosecondsMin, "0.0"), Number(peer / r.Microseconds, "0.00"),
                Number(r.PairsPerSecond / 1e9, "0.000"), Number(r.RelErrorMean, "0.0E+0"), Number(r.RelErrorMax, "0.0E+0"),
                r.CertificateMean is { } certificate ? Number(certificate, "0.0E+0") : "–", Number(r.KeysReported, "0"),
                Number(r.Bytes / 1e6, "0.00"), Number(roofline.BandwidthShare[r.Kernel] * 100, "0") + " %");
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        console.Profile.Width = Math.Max(console.Profile.Width, 140);
        console.Write(table);
    }

    private void Line(FormattableString text) => output.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
