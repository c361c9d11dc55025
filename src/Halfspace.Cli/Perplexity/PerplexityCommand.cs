using System.CommandLine;
using System.Globalization;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;

namespace Halfspace.Cli.Perplexity;

/// <summary><c>halfspace perplexity</c>: how well the model predicts a text, and how far sparse attention is from dense.</summary>
internal sealed class PerplexityCommand : Command
{
    private readonly CliConsole _console;
    private readonly Argument<string> _text = new("TEXT") { Description = "A text file." };
    private readonly Option<int?> _offset = NewOption.Whole("--offset", "CHARS", 0, "Where in the text to begin (default 0).");
    private readonly Option<int?> _tokens = NewOption.Whole("--tokens", "N", 2, "How many tokens to take from there (default 8192).");
    private readonly Option<int?> _last = NewOption.Whole("--last", "N", 1,
        "Sparse attention: how many of the last tokens' distributions to compare (default 512).");
    private readonly Option<string?> _activations = NewOption.Text("--activations", "float|int8",
        "Activations in dense products: float (default) shows attention alone, int8 is what the other commands compute.",
        text => text is "float" or "int8", "float or int8");
    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints one JSON object.");
    private readonly ModelArguments _model;
    private readonly AttentionArguments _attention;

    public PerplexityCommand(CliConsole console)
        : base("perplexity", "Scores a text's tokens: all of them with dense attention, or the last ones decoded with sparse and with dense; with --prefill sparse "
            + "all of them, read as a prompt with sparse and with dense.")
    {
        _console = console;
        Arguments.Add(_text);
        Options.Add(_offset);
        Options.Add(_tokens);
        Options.Add(_last);
        Options.Add(_activations);
        _attention = new AttentionArguments(this);
        _model = new ModelArguments(this);
        Options.Add(_json);
        SetAction((parsed, _) => RunAsync(parsed));
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        string path = parsed.GetRequiredValue(_text);
        int offset = parsed.GetValue(_offset) ?? 0;
        // A text that is not there is found before the model is loaded.
        TextFiles.ReadPart(path, offset, 1);
        CancellationToken cancellation = _console.Interrupt.Token;
        AttentionOptions attention = _attention.One(parsed);
        string activations = parsed.GetValue(_activations) ?? "float";
        using HalfspaceModel model = _model.Load(parsed, arithmetic: activations == "float" ? Arithmetic.FloatActivations : Arithmetic.Quantised);
        cancellation.ThrowIfCancellationRequested();
        int[] tokens = FirstTokens.Of(model.Tokenizer, path, offset, parsed.GetValue(_tokens) ?? 8192);
        if (tokens.Length < 2) throw new ModelException($"{path} has one token from {offset} on; at least two are needed.");
        AttentionOptions prompt = _attention.Prompt(parsed, attention);
        using ModelContext context = model.CreateContext(_model.Context(parsed, attention, prompt));
        // The last token is only predicted.
        context.RequireRoom(tokens.Length - 1);
        TeacherForcing scores = new(context, tokens, cancellation);
        bool sparse = attention.Mode == AttentionMode.Sparse, prompts = prompt.Mode == AttentionMode.Sparse;
        int rows = tokens.Length - 1, last = Math.Min(parsed.GetValue(_last) ?? 512, rows);
        using ModelContext? dense = prompts ? model.CreateContext(_model.Context(parsed, Dense(attention), Dense(prompt))) : null;
        PerplexityReport report = await ProgressDisplay.RunAsync(_console, "Scoring", prompts ? 2 * rows : sparse ? rows + last : rows,
            progress => Task.Run(
                () => dense is not null ? scores.ComparePrompts(dense, last, progress)
                    : sparse ? scores.Compare(last, progress)
                    : scores.Dense(progress),
                cancellation)).ConfigureAwait(false);
        report = report with { Activations = activations };
        if (parsed.GetValue(_json)) CliJson.WriteLine(_console.Out, report, CliJson.Default.PerplexityReport);
        else Write(report);
        return ExitCode.Success;
    }

    private static AttentionOptions Dense(AttentionOptions options) => options with { Mode = AttentionMode.Dense };

    private void Write(PerplexityReport r)
    {
        Line($"{"perplexity",-16} {r.Perplexity:0.0000} (NLL {r.Nll:0.00000} nats a token, {r.Scored} of {r.Tokens} tokens)");
        if (r.NllDense is null) return;
        Line($"{"dense",-16} {Math.Exp(r.NllDense.Value):0.0000} (NLL {r.NllDense:0.00000})");
        Line($"{"KL(dense‖sparse)",-16} {r.Kl:0.00000} nats");
        Line($"{"same top token",-16} {r.Top1Agreement:0.0000}");
        Line($"{"keys a head",-16} {r.KeysPerHead:0.0}");
    }

    private void Line(FormattableString text) => _console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
