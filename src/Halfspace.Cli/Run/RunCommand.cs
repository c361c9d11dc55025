using System.CommandLine;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Saved;

namespace Halfspace.Cli.Run;

/// <summary><c>halfspace run</c>: one prompt, one answer.</summary>
internal sealed class RunCommand : Command
{
    private readonly CliConsole _console;
    private readonly Argument<string?> _prompt = new("PROMPT")
    {
        Arity = ArgumentArity.ZeroOrOne,
        Description = "The prompt; - reads it from standard input.",
    };

    private readonly Option<string?> _name = NewOption.Text("--context-name", "NAME", "Asks about a saved context; see halfspace context.");
    private readonly Option<bool> _stats = NewOption.Flag("--stats", "Prints speed, keys a head and memory to standard error at the end.");
    private readonly Option<bool> _json = NewOption.Flag("--json",
        "Prints JSON lines: {\"text\": …} for each piece, and {\"done\": true, …} with counts and speed at the end.");

    private readonly DocumentArguments _document;
    private readonly StoreArguments _store;
    private readonly ModelArguments _model;
    private readonly SamplingArguments _sampling;
    private readonly AttentionArguments _attention;

    public RunCommand(CliConsole console)
        : base("run", "Answers a prompt, about documents if there are any.")
    {
        _console = console;
        Arguments.Add(_prompt);
        _document = new DocumentArguments(this,
            "A text file that goes before the prompt, with a blank line between; may be given more than once.");
        Options.Add(_name);
        _store = new StoreArguments(this);
        _model = new ModelArguments(this);
        _sampling = new SamplingArguments(this);
        _attention = new AttentionArguments(this);
        Options.Add(_stats);
        Options.Add(_json);
        Validators.Add(result =>
        {
            if (result.GetResult(_prompt) is not { Tokens.Count: > 0 } && !_document.HasFiles(result))
                result.AddError("There is no prompt; give one, or - to read it from standard input.");
            if (result.GetResult(_name) is not null && _document.IsGiven(result))
                result.AddError("A saved context has its own --file, --system and --raw; leave them out.");
        });
        SetAction((parsed, _) => RunAsync(parsed));
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        ContextDocument document = Document(parsed);
        string question = parsed.GetValue(_prompt) ?? "";
        if (question == "-") question = _console.In.ReadToEnd();
        if (document.Text.Length == 0 && question.Length == 0) throw new UsageException("The prompt is empty; give some text.");
        bool json = parsed.GetValue(_json);
        using HalfspaceModel model = _model.Load(parsed);
        _console.Interrupt.Token.ThrowIfCancellationRequested();
        AttentionOptions attention = _attention.One(parsed);
        ContextOptions reading = _model.Context(parsed, attention, _attention.Prompt(parsed, attention));
        int[] prompt = document.Prompt(model, question);
        if (prompt.Length == 0) throw new UsageException("The prompt is empty; give some text.");
        using ModelContext context = parsed.GetValue(_name) is { } name ? _store.Open(parsed).Open(model, name, reading)
            : model.CreateContext(reading with { OpeningTokens = document.Opening(model).Length });
        context.RequireLimit(prompt.Length);
        GenerationOptions options = _sampling.Value(parsed);
        Answer answer = new(model, context, prompt);
        try
        {
            await answer.GenerateAsync(_console, options, piece =>
            {
                if (json) CliJson.WriteLine(_console.Out, new RunPiece { Text = piece }, CliJson.Default.RunPiece);
                else _console.Out.Write(piece);
            }, trimStart: document.Raw).ConfigureAwait(false);
        }
        finally
        {
            if (!json && answer.Text.Length > 0 && !answer.Text.EndsWith('\n')) _console.Out.WriteLine();
        }

        if (json) CliJson.WriteLine(_console.Out, answer.Report(), CliJson.Default.RunDone);
        if (parsed.GetValue(_stats)) _console.Error.WriteLine(answer.Statistics());
        return ExitCode.Success;
    }

    private ContextDocument Document(ParseResult parsed) => parsed.GetValue(_name) is not { } name ? _document.Read(parsed)
        : _store.Open(parsed).Show(name).Document ?? throw new ModelException(
            $"The context {name} was saved without a document that can be asked about; give one that context create has made.");
}
