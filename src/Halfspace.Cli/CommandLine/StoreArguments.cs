using System.CommandLine;
using Halfspace.Runtime.Saved;

namespace Halfspace.Cli.CommandLine;

/// <summary>Where saved contexts are: <c>--contexts</c>.</summary>
internal sealed class StoreArguments
{
    private readonly Option<string?> _folder = NewOption.Text("--contexts", "DIR",
        $"The folder of saved contexts (default: {ContextStore.Variable}, or one in the user's data).");

    /// <param name="command">The command that takes it.</param>
    public StoreArguments(Command command) => command.Options.Add(_folder);

    /// <summary>The contexts of the folder.</summary>
    public ContextStore Open(ParseResult parsed) => new(Folder(parsed));

    /// <summary>The folder.</summary>
    public string Folder(ParseResult parsed) => parsed.GetValue(_folder) ?? ContextStore.DefaultFolder;

    /// <summary>The argument that names a context.</summary>
    public static Argument<string> NewName() => new("NAME") { Description = "The context's name." };
}
