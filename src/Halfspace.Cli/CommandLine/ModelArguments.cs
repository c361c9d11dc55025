using System.CommandLine;
using Halfspace.Attention;
using Halfspace.Runtime;

namespace Halfspace.Cli.CommandLine;

/// <summary>Which model, and how to run it: <c>--model</c>, <c>--threads</c>, <c>--context</c> and <c>--rope-scaling</c>.</summary>
internal sealed class ModelArguments
{
    private readonly Option<string?> _model = ModelOption();
    private readonly Option<int?> _threads = NewOption.Whole("--threads", "N", 1, "Threads that compute (default: all processors).", 1024);
    private readonly Option<int?> _context = NewOption.Whole("--context", "N", 1,
        "The most tokens a context holds (default: what the model was trained for).");
    private readonly Option<string?> _ropeScaling = NewOption.Text("--rope-scaling", "TYPE:FACTOR",
        "Stretches the context: linear:F, ntk:F or yarn:F; none switches the model's own scaling off.",
        RopeScalingText.IsValid, "linear:F, ntk:F or yarn:F with a factor F from 1 to 1024, or none");

    /// <param name="command">The command that takes them.</param>
    /// <param name="limits">Whether it has a context whose limit can be set.</param>
    /// <param name="names">Whether it names one model; a command that does not names its models itself.</param>
    public ModelArguments(Command command, bool limits = true, bool names = true)
    {
        if (names) command.Options.Add(_model);
        command.Options.Add(_threads);
        if (limits) command.Options.Add(_context);
        command.Options.Add(_ropeScaling);
    }

    /// <summary>The option that names a GGUF file.</summary>
    public static Option<string?> ModelOption() => NewOption.Text("--model", "GGUF", "The model's file (default: the embedded model).");

    /// <summary>The model's file.</summary>
    public string Path(ParseResult parsed) => parsed.GetValue(_model) ?? EmbeddedModel.Path;

    /// <summary>Threads that compute.</summary>
    public int Threads(ParseResult parsed) => parsed.GetValue(_threads) ?? Environment.ProcessorCount;

    /// <summary>A context's options: the limit asked for, and how to attend.</summary>
    public ContextOptions Context(ParseResult parsed, AttentionOptions attention, AttentionOptions prompt) =>
        new() { Limit = parsed.GetValue(_context) ?? 0, Attention = attention, PromptAttention = prompt };

    /// <summary>Whether the context is stretched by hand.</summary>
    public bool HasRopeScaling(ParseResult parsed) => parsed.GetValue(_ropeScaling) is not null;

    /// <summary>Loads the model.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="ropeScaling">A scaling to use when none is given.</param>
    /// <param name="arithmetic">How to compute dense products.</param>
    public HalfspaceModel Load(ParseResult parsed, string? ropeScaling = null, Arithmetic arithmetic = Arithmetic.Quantised) =>
        HalfspaceModel.Load(Path(parsed), Options(parsed, ropeScaling, arithmetic));

    /// <summary>How to load a model; parameters as for <see cref="Load"/>.</summary>
    public ModelOptions Options(ParseResult parsed, string? ropeScaling = null, Arithmetic arithmetic = Arithmetic.Quantised) => new()
    {
        Threads = Threads(parsed),
        RopeScaling = parsed.GetValue(_ropeScaling) ?? ropeScaling,
        Arithmetic = arithmetic,
    };
}
