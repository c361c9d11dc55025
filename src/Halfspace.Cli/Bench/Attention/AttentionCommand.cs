using System.CommandLine;
using System.Globalization;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;

namespace Halfspace.Cli.Bench.Attention;

/// <summary><c>halfspace bench attention</c>: one layer's decode attention beside other implementations, without a model.</summary>
internal sealed class AttentionCommand : Command
{
    private readonly CliConsole _console;
    private readonly Option<int[]> _keys = NewOption.List<int>("--keys", "8192,32768,131072", "Visible keys (default 8192,32768,131072).",
        KeysOf, $"whole numbers from {AttentionBench.LeastKeys} to {AttentionBench.MostKeys} with commas between them");

    private readonly Option<string?> _policy = NewOption.Text("--policy", "POLICY",
        $"Which keys sparse attention reads exactly (default {PolicyText.NameOf(new AttentionOptions().Policy)}).",
        text => PolicyText.Parse(text) is not null, PolicyText.Allowed);

    private readonly Option<int?> _clusters = NewOption.Whole("--clusters", "C", 1,
        $"Parts of a head's index with a tail model each (default {new AttentionOptions().Clusters}).", AttentionOptions.MostClusters);

    private readonly Option<int?> _threads = NewOption.Whole("--threads", "N", 1, "Threads that compute (default: all processors).", 1024);
    private readonly Option<int?> _rounds = NewOption.Whole("--rounds", "N", 1, "Rounds in which the kernels take turns (default 64).",
        AttentionBench.MostRounds);

    private readonly Option<string?> _golden = NewOption.Text("--golden", "DIR",
        "A folder of golden data (default: the repository's, and shared/golden beside the repository).");

    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints a JSON object a line.");

    public AttentionCommand(CliConsole console)
        : base("attention", "Measures one layer's attention for one query position: sparse, dense, a float scan and ONNX Runtime's, "
            + "with each one's error and memory bandwidth.")
    {
        _console = console;
        foreach (Option option in (Option[])[_keys, _policy, _clusters, _threads, _rounds, _golden, _json]) Options.Add(option);
        SetAction((parsed, _) => Task.Run(() => Run(parsed)));
    }

    private int Run(ParseResult parsed)
    {
        int[] keys = parsed.GetValue(_keys) is { Length: > 0 } given ? given : [8192, 32768, 131072];
        AttentionOptions options = new();
        if (parsed.GetValue(_policy) is { } policy) options = options with { Policy = PolicyText.Parse(policy)! };
        if (parsed.GetValue(_clusters) is { } clusters) options = options with { Clusters = clusters };
        AttentionBench bench = new(options, parsed.GetValue(_threads) ?? Environment.ProcessorCount, parsed.GetValue(_rounds) ?? 64,
            GoldenLayer.Load(parsed.GetValue(_golden)), _console.Interrupt.Token);
        AttentionOutput output = new(_console.Out, parsed.GetValue(_json));
        foreach (int n in keys) output.Write(bench.Measure(n));
        return ExitCode.Success;
    }

    private static int? KeysOf(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n)
        && n is >= AttentionBench.LeastKeys and <= AttentionBench.MostKeys ? n : null;
}
