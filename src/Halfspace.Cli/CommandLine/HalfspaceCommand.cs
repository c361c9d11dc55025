using System.CommandLine;
using Halfspace.Cli.Bench;
using Halfspace.Cli.Chat;
using Halfspace.Cli.Contexts;
using Halfspace.Cli.Info;
using Halfspace.Cli.Perplexity;
using Halfspace.Cli.Run;
using Halfspace.Cli.Serve;
using Halfspace.Cli.Tokenize;

namespace Halfspace.Cli.CommandLine;

/// <summary>The program's command and its subcommands.</summary>
internal static class HalfspaceCommand
{
    /// <summary>Parses a command line. Texts are taken as they are: no response files, no bundled letters.</summary>
    public static ParseResult Parse(string[] args, CliConsole console)
    {
        RootCommand root = new("Runs long-context language models on ordinary CPUs, with attention over half-spaces.");
        root.Directives.Clear();
        root.Subcommands.Add(new RunCommand(console));
        root.Subcommands.Add(new ChatCommand(console));
        root.Subcommands.Add(new ContextCommand(console));
        root.Subcommands.Add(new ServeCommand(console));
        root.Subcommands.Add(new InfoCommand(console));
        root.Subcommands.Add(new TokenizeCommand(console));
        root.Subcommands.Add(new PerplexityCommand(console));
        root.Subcommands.Add(new BenchCommand(console));
        return root.Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
    }
}
