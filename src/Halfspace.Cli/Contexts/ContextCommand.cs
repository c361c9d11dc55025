using System.CommandLine;

namespace Halfspace.Cli.Contexts;

/// <summary><c>halfspace context</c>: documents that were read once and are kept.</summary>
internal sealed class ContextCommand : Command
{
    public ContextCommand(CliConsole console)
        : base("context", "Keeps documents that were read, for run --context-name to ask about.")
    {
        Subcommands.Add(new CreateCommand(console));
        Subcommands.Add(new ListCommand(console));
        Subcommands.Add(new ShowCommand(console));
        Subcommands.Add(new DeleteCommand(console));
    }
}
