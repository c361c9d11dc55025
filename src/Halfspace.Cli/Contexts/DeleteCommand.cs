using System.CommandLine;
using Halfspace.Cli.CommandLine;

namespace Halfspace.Cli.Contexts;

/// <summary><c>halfspace context delete</c>.</summary>
internal sealed class DeleteCommand : Command
{
    private readonly Argument<string> _name = StoreArguments.NewName();
    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints one JSON object.");
    private readonly StoreArguments _store;

    public DeleteCommand(CliConsole console)
        : base("delete", "Deletes a saved context.")
    {
        Arguments.Add(_name);
        _store = new StoreArguments(this);
        Options.Add(_json);
        SetAction(parsed =>
        {
            string name = parsed.GetRequiredValue(_name);
            _store.Open(parsed).Delete(name);
            ContextDeleted report = new() { Deleted = name };
            if (parsed.GetValue(_json)) CliJson.WriteLine(console.Out, report, CliJson.Default.ContextDeleted);
            else console.Out.WriteLine($"{name} is deleted");
            return ExitCode.Success;
        });
    }
}
