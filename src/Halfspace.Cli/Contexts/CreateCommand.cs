using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;
using Halfspace.Runtime.Saved;

namespace Halfspace.Cli.Contexts;

/// <summary><c>halfspace context create</c>: reads documents and saves what was read.</summary>
internal sealed class CreateCommand : Command
{
    private readonly CliConsole _console;
    private readonly Argument<string> _name = StoreArguments.NewName();
    private readonly Option<bool> _replace = NewOption.Flag("--replace", "Replaces a context of that name.");
    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints one JSON object.");
    private readonly DocumentArguments _document;
    private readonly StoreArguments _store;
    private readonly ModelArguments _model;
    private readonly AttentionArguments _attention;

    public CreateCommand(CliConsole console)
        : base("create", "Reads text files and saves the context; what another context has read already is not read again.")
    {
        _console = console;
        Arguments.Add(_name);
        _document = new DocumentArguments(this, "A text file; may be given more than once.", required: true);
        Options.Add(_replace);
        _store = new StoreArguments(this);
        _model = new ModelArguments(this);
        _attention = new AttentionArguments(this);
        Options.Add(_json);
        SetAction((parsed, _) => RunAsync(parsed));
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        string name = parsed.GetRequiredValue(_name);
        bool replace = parsed.GetValue(_replace);
        ContextStore store = _store.Open(parsed);
        // What is wrong is told before the model is loaded.
        store.RequireFree(name, replace);
        ContextDocument document = _document.Read(parsed);
        CancellationToken cancellation = _console.Interrupt.Token;
        long start = Stopwatch.GetTimestamp();
        using HalfspaceModel model = _model.Load(parsed);
        cancellation.ThrowIfCancellationRequested();
        AttentionOptions attention = _attention.One(parsed);
        ContextOptions options = _model.Context(parsed, attention, _attention.Prompt(parsed, attention));
        CreatedContext created = await ProgressDisplay.RunAsync(_console, "Reading", document.Opening(model).Length,
            progress => store.CreateAsync(model, name, document, options, replace, progress, cancellation)).ConfigureAwait(false);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ContextReport report = ContextTable.Report(created.Context) with { ReusedTokens = created.ReusedTokens, Seconds = seconds };
        if (parsed.GetValue(_json)) CliJson.WriteLine(_console.Out, report, CliJson.Default.ContextReport);
        else _console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name}: {report.Tokens} tokens in {seconds:0.0} s, "
                + $"{report.ReusedTokens} of them from another context; {report.Bytes / 1e6:0.0} MB"));
        return ExitCode.Success;
    }
}
