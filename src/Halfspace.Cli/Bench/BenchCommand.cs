using System.CommandLine;
using System.Globalization;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;
using Halfspace.Runtime.Decoder;
using Halfspace.Runtime.Gguf;
using Spectre.Console;

namespace Halfspace.Cli.Bench;

/// <summary><c>halfspace bench</c>: the speed of reading a prompt and of decoding after it.</summary>
internal sealed class BenchCommand : Command
{
    private const int MostTokens = 1 << 24, MostRepeats = 1000;
    private readonly CliConsole _console;
    private readonly Option<int[]> _depths = NewOption.List<int>("--depth", "512,8192", "Tokens of the prompts (default 512,8192).",
        DepthOf, "whole numbers from 1 with commas between them");

    private readonly Option<int?> _decode = NewOption.Whole("--decode", "N", 1,
        "Tokens to decode after each prompt (default 32).", MostTokens);

    private readonly Option<int?> _repeat = NewOption.Whole("--repeat", "N", 1,
        "Times that each is measured, always in a new context (default 1); with --json it shows whether memory grows.", MostRepeats);

    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints a JSON object a line.");
    private readonly ModelArguments _model;
    private readonly AttentionArguments _attention;

    public BenchCommand(CliConsole console)
        : base("bench", "Measures tokens a second of a prompt and milliseconds of a decoded token after it; of three depths or more, how the time of a prompt's "
            + "attention grows.")
    {
        _console = console;
        Options.Add(_depths);
        Options.Add(_decode);
        Options.Add(_repeat);
        _attention = new AttentionArguments(this, several: true);
        _model = new ModelArguments(this, limits: false);
        Options.Add(_json);
        Subcommands.Add(new Attention.AttentionCommand(console));
        Subcommands.Add(new Reporting.ReportingCommand(console));
        Subcommands.Add(new Serve.LoadCommand(console));
        SetAction((parsed, _) => Task.Run(() => Run(parsed)));
    }

    private int Run(ParseResult parsed)
    {
        int[] depths = parsed.GetValue(_depths) is { Length: > 0 } given ? given : [512, 8192];
        int decode = parsed.GetValue(_decode) ?? 32, repeat = parsed.GetValue(_repeat) ?? 1;
        bool json = parsed.GetValue(_json);
        int longest = depths.Max() + Math.Max(decode, DecodeTiming.WarmupTokens);
        using HalfspaceModel model = _model.Load(parsed, Stretch(parsed, longest));
        string name = Path.GetFileName(_model.Path(parsed));
        List<BenchReport> reports = [];
        foreach (AttentionOptions attention in _attention.All(parsed))
        {
            foreach (int depth in depths.SelectMany(depth => Enumerable.Repeat(depth, repeat)))
            {
                DecodeTiming timing = DecodeTiming.Measure(
                    model, attention, _attention.Prompt(parsed, attention), depth, decode, _console.Interrupt.Token);
                BenchReport report = new()
                {
                    Model = name,
                    Threads = _model.Threads(parsed),
                    Attention = AttentionArguments.NameOf(attention.Mode),
                    Prefill = AttentionArguments.NameOf(_attention.Prompt(parsed, attention).Mode),
                    Depth = depth,
                    PrefillTokensPerSecond = Math.Round(timing.PrefillTokensPerSecond, 1),
                    DecodeMilliseconds = Math.Round(timing.DecodeMilliseconds, 3),
                    DecodeMillisecondsMin = Math.Round(timing.DecodeMillisecondsMin, 3),
                    PrefillAttentionSeconds = Math.Round(timing.PrefillAttention, 4),
                    PrefillKeysPerHead = Math.Round(timing.PrefillKeysPerHead, 1),
                    KeysPerHead = Math.Round(timing.KeysPerHead, 1),
                    MemoryMegabytes = Math.Round(timing.MemoryBytes / 1e6, 1),
                };
                reports.Add(report);
                if (json) CliJson.WriteLine(_console.Out, report, CliJson.Default.BenchReport);
                else if (_console.ErrorIsTerminal) _console.Error.WriteLine($"{report.Attention} at {depth} tokens is done.");
            }
        }

        if (!json) WriteTable(reports);
        WriteExponents(reports, json);
        return ExitCode.Success;
    }

    /// <summary>How the time of a prompt's attention grows: the slope of its logarithm against the depth's, where there are three depths or more.</summary>
    private void WriteExponents(List<BenchReport> reports, bool json)
    {
        foreach (IGrouping<string, BenchReport> mode in reports.GroupBy(report => report.Attention))
        {
            if (mode.DistinctBy(report => report.Depth).Count() < 3 || mode.Any(report => report.PrefillAttentionSeconds <= 0)) continue;
            BenchExponent exponent = new()
            {
                Attention = mode.Key,
                Prefill = mode.First().Prefill,
                PrefillAttentionExponent = Math.Round(
                    PowerLaw.Slope(mode.Select(report => ("", (double)report.Depth, report.PrefillAttentionSeconds))), 3),
            };
            if (json) CliJson.WriteLine(_console.Out, exponent, CliJson.Default.BenchExponent);
            else _console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{exponent.Attention}: a prompt's attention takes time as n^{exponent.PrefillAttentionExponent:0.00}"));
        }
    }

    /// <summary>A scaling that makes room beyond the trained context. It changes angles and not the work, so not the speed.</summary>
    private string? Stretch(ParseResult parsed, int tokens)
    {
        if (_model.HasRopeScaling(parsed)) return null;
        using GgufFile file = GgufFile.Open(_model.Path(parsed));
        ModelConfig config = ModelConfig.From(file);
        int factor = (int)Math.Ceiling((double)tokens / config.TrainedContext);
        return factor <= Math.Max(1, config.Rotary.Factor) ? null : string.Create(CultureInfo.InvariantCulture, $"linear:{factor}");
    }

    private void WriteTable(List<BenchReport> reports)
    {
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumn("attention");
        foreach (string column in (string[])["depth", "prefill tokens/s", "its attention s", "decode ms", "fastest ms", "keys a head"])
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (BenchReport r in reports)
            table.AddRow(r.Attention, Number(r.Depth, "0"), Number(r.PrefillTokensPerSecond, "0.0"),
                Number(r.PrefillAttentionSeconds, "0.00"), Number(r.DecodeMilliseconds, "0.00"), Number(r.DecodeMillisecondsMin, "0.00"), Number(r.KeysPerHead, "0"));
        _console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{reports[0].Model}, {reports[0].Threads} threads"));
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(_console.Out) }).Write(table);
    }

    private static int? DepthOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n is >= 1 and <= MostTokens ? n : null;

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
