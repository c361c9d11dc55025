using System.CommandLine;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime.Saved;

namespace Halfspace.Cli.Contexts;

/// <summary><c>halfspace context list</c>.</summary>
internal sealed class ListCommand : Command
{
    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints a JSON object a context.");
    private readonly StoreArguments _store;

    public ListCommand(CliConsole console)
        : base("list", "Lists the saved contexts by name, with their size, time and model.")
    {
        _store = new StoreArguments(this);
        Options.Add(_json);
        SetAction(parsed =>
        {
            bool json = parsed.GetValue(_json);
            foreach (SavedContext context in _store.Open(parsed).List())
            {
                if (json) CliJson.WriteLine(console.Out, ContextTable.Report(context), CliJson.Default.ContextReport);
                else console.Out.WriteLine(ContextTable.Line(context));
            }

            return ExitCode.Success;
        });
    }
}
