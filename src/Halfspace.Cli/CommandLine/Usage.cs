using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace Halfspace.Cli.CommandLine;

/// <summary>What is wrong with a command line, as one sentence.</summary>
internal static partial class Usage
{
    /// <summary>The first error and where to look, or null.</summary>
    public static string? Error(ParseResult parsed)
    {
        if (parsed.Action is HelpAction) return null;
        string? error = UnknownOption(parsed) ?? (parsed.Errors.Count > 0 ? Sentence(parsed.Errors) : null);
        return error is null ? null : $"{error} See {Path(parsed)} --help.";
    }

    /// <summary>The parser takes an unknown option for the value of an argument; only what follows <c>--</c> may look like one.</summary>
    private static string? UnknownOption(ParseResult parsed)
    {
        HashSet<Token> values = new(ReferenceEqualityComparer.Instance);
        foreach (Option option in parsed.CommandResult.Command.Options)
            if (parsed.GetResult(option) is { } result) values.UnionWith(result.Tokens);
        Token? unknown = parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(token => token.Type == TokenType.Argument && !values.Contains(token) && OptionLike().IsMatch(token.Value));
        return unknown is null ? null : $"There is no option {unknown.Value.Split('=')[0]}; a text that begins so goes after --.";
    }

    private static string Sentence(IReadOnlyList<ParseError> errors)
    {
        // Of "a command is missing" and "this is no command" the second says more.
        string message = errors[^1].Message.ReplaceLineEndings(" ").Trim();
        return message.EndsWith('.') ? message : message + ".";
    }

    private static string Path(ParseResult parsed)
    {
        List<string> names = [];
        for (CommandResult? command = parsed.CommandResult; command is not null; command = command.Parent as CommandResult)
            names.Insert(0, command.Parent is null ? "halfspace" : command.Command.Name);
        return string.Join(' ', names);
    }

    [GeneratedRegex("^--?[A-Za-z][A-Za-z-]*(=.*)?$", RegexOptions.Singleline)]
    private static partial Regex OptionLike();
}
