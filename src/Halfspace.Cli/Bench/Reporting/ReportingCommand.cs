using System.CommandLine;
using System.Globalization;
using Halfspace.Cli.CommandLine;

namespace Halfspace.Cli.Bench.Reporting;

/// <summary><c>halfspace bench reporting</c>: the half-space reporting structures, without a model.</summary>
internal sealed class ReportingCommand : Command
{
    private const int LargestDimension = 1024;

    private readonly CliConsole _console;
    private readonly Option<int[]> _dimensions = NewOption.List<int>("--dims", "2,3,4,8,16,64", "Dimensions (default 2,3,4,8,16,64).",
        text => Whole(text, LargestDimension), $"whole numbers from 1 to {LargestDimension} with commas between them");

    private readonly Option<int?> _largest = NewOption.Whole("--max-n", "N", ReportingBench.SmallestSize,
        "The most points; sizes are 1024, 4096, … up to it (default 1048576).", 1 << 24);

    private readonly Option<int?> _verify = NewOption.Whole("--verify", "N", 1,
        "Measures nothing: asks N random queries of all structures and compares each with the scan.");

    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints a JSON object a line.");

    public ReportingCommand(CliConsole console)
        : base("reporting", "Measures what half-space queries cost by structure, dimension, set and size, with the exponents of that.")
    {
        _console = console;
        Options.Add(_dimensions);
        Options.Add(_largest);
        Options.Add(_verify);
        Options.Add(_json);
        SetAction((parsed, _) => Task.Run(() => Run(parsed)));
    }

    private int Run(ParseResult parsed)
    {
        CancellationToken stop = _console.Interrupt.Token;
        if (parsed.GetValue(_verify) is { } queries) return ReportingVerify.Run(queries, _console.Out, stop);
        int[] dimensions = parsed.GetValue(_dimensions) is { Length: > 0 } given ? given : ReportingBench.DefaultDimensions;
        int largest = parsed.GetValue(_largest) ?? ReportingBench.LargestSize;
        return ReportingBench.Run(dimensions, largest, parsed.GetValue(_json), _console.Out, stop);
    }

    private static int? Whole(string text, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n >= 1 && n <= most ? n : null;
}
