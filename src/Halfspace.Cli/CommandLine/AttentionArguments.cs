using System.CommandLine;
using Halfspace.Attention;

namespace Halfspace.Cli.CommandLine;

/// <summary>How to attend: <c>--attention</c>, <c>--keys</c>, <c>--policy</c>, <c>--clusters</c>, <c>--tail</c> and <c>--prefill</c>.</summary>
internal sealed class AttentionArguments
{
    private readonly Option<AttentionMode[]> _modes;
    private readonly Option<int?> _keys = NewOption.Whole("--keys", "R", 1, "Sparse attention: keys that each head reports, as --policy budget:R.");
    private readonly Option<string?> _policy = NewOption.Text("--policy", "POLICY",
        $"Sparse attention: which keys are read exactly (default {PolicyText.NameOf(new AttentionOptions().Policy)}).",
        text => PolicyText.Parse(text) is not null, PolicyText.Allowed);
    private readonly Option<int?> _clusters = NewOption.Whole("--clusters", "C", 1,
        $"Sparse attention: parts of a head's index with a tail model each (default {new AttentionOptions().Clusters}).",
        AttentionOptions.MostClusters);
    private readonly Option<string?> _tail = NewOption.Text("--tail", "affine|mean|none",
        "Sparse attention: what stands for the other keys (default affine).", text => TailOf(text) is not null, "affine, mean or none");
    private readonly Option<AttentionMode[]> _prefill = NewOption.List<AttentionMode>("--prefill", "dense|sparse",
        "How prompts attend (default dense, which is exact).", ModeOf, "dense or sparse", most: 1);
    private readonly AttentionMode[] _default;

    /// <param name="command">The command that takes them.</param>
    /// <param name="several">Whether more than one mode may be named, which is then the default.</param>
    public AttentionArguments(Command command, bool several = false)
    {
        _default = several ? [AttentionMode.Dense, AttentionMode.Sparse] : [AttentionMode.Sparse];
        _modes = several
            ? NewOption.List<AttentionMode>("--attention", "dense,sparse", "Which to measure (default both).", ModeOf,
                "dense, sparse or both with a comma between them")
            : NewOption.List<AttentionMode>("--attention", "dense|sparse",
                "How to attend while decoding (default sparse, exact while a context is short).", ModeOf, "dense or sparse", most: 1);
        command.Options.Add(_modes);
        command.Options.Add(_keys);
        command.Options.Add(_policy);
        command.Options.Add(_clusters);
        command.Options.Add(_tail);
        command.Options.Add(_prefill);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_keys) is not null && result.GetResult(_policy) is not null)
                result.AddError("--keys and --policy exclude each other; give one of them.");
        });
    }

    /// <summary>The options of each mode asked for.</summary>
    public AttentionOptions[] All(ParseResult parsed)
    {
        AttentionPolicy policy = parsed.GetValue(_policy) is { } named ? PolicyText.Parse(named)!
            : parsed.GetValue(_keys) is { } keys ? new AttentionPolicy.Budget(keys) : new AttentionOptions().Policy;
        AttentionMode[] modes = parsed.GetValue(_modes) is { Length: > 0 } given ? given : _default;
        AttentionOptions options = new() { Policy = policy, Tail = TailOf(parsed.GetValue(_tail) ?? "affine")!.Value };
        if (parsed.GetValue(_clusters) is { } clusters) options = options with { Clusters = clusters };
        return [.. modes.Select(mode => options with { Mode = mode })];
    }

    /// <summary>How prompts attend where decoding attends so.</summary>
    public AttentionOptions Prompt(ParseResult parsed, AttentionOptions decoding) =>
        decoding with { Mode = parsed.GetValue(_prefill) is [AttentionMode mode] ? mode : AttentionMode.Dense };

    /// <summary>The options of the one mode.</summary>
    public AttentionOptions One(ParseResult parsed) => All(parsed)[0];

    /// <summary>A mode's name on the command line and in JSON.</summary>
    public static string NameOf(AttentionMode mode) => mode == AttentionMode.Dense ? "dense" : "sparse";

    private static TailKind? TailOf(string text) => text switch
    {
        "affine" => TailKind.Affine,
        "mean" => TailKind.Mean,
        "none" => TailKind.None,
        _ => null,
    };

    private static AttentionMode? ModeOf(string text) => text switch
    {
        "dense" => AttentionMode.Dense,
        "sparse" => AttentionMode.Sparse,
        _ => null,
    };
}
