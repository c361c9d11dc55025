using System.CommandLine;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime.Saved;

namespace Halfspace.Cli.Contexts;

/// <summary><c>halfspace context show</c>: one context, and whether it is whole.</summary>
internal sealed class ShowCommand : Command
{
    private const int Shown = 300;

    private readonly CliConsole _console;
    private readonly Argument<string> _name = StoreArguments.NewName();
    private readonly Option<bool> _verify = NewOption.Flag("--verify",
        "Compares every block with its checksum, as opening does before a block is used.");
    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints one JSON object.");
    private readonly StoreArguments _store;

    public ShowCommand(CliConsole console)
        : base("show", "Shows a saved context and the beginning of its text.")
    {
        _console = console;
        Arguments.Add(_name);
        Options.Add(_verify);
        _store = new StoreArguments(this);
        Options.Add(_json);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        string name = parsed.GetRequiredValue(_name);
        ContextStore store = _store.Open(parsed);
        SavedContext context = store.Show(name);
        bool verify = parsed.GetValue(_verify);
        if (verify) store.Verify(name, _console.Interrupt.Token);
        if (parsed.GetValue(_json))
        {
            ContextReport report = ContextTable.Report(context) with { Verified = verify ? true : null };
            CliJson.WriteLine(_console.Out, report, CliJson.Default.ContextReport);
            return ExitCode.Success;
        }

        _console.Out.WriteLine(ContextTable.Line(context));
        _console.Out.WriteLine(context.HasIndex ? "with an index for sparse attention"
            : "without an index; sparse attention makes one when it is opened");
        if (verify) _console.Out.WriteLine("every block is as it was written");
        if (context.Document is not { } document) return ExitCode.Success;
        if (document.System is { } system) _console.Out.WriteLine($"system message: {system}");
        _console.Out.WriteLine();
        _console.Out.WriteLine(document.Text.Length <= Shown ? document.Text : document.Text[..Shown] + " …");
        return ExitCode.Success;
    }
}
