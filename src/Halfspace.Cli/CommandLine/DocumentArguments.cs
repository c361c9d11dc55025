using System.CommandLine;
using System.CommandLine.Parsing;
using Halfspace.Runtime.Saved;

namespace Halfspace.Cli.CommandLine;

/// <summary>What questions are about: <c>--file</c>, <c>--system</c> and <c>--raw</c>.</summary>
internal sealed class DocumentArguments
{
    private readonly Option<string[]> _files;
    private readonly Option<string?> _system = NewOption.Text("--system", "S", "The system message.");
    private readonly Option<bool> _raw = NewOption.Flag("--raw", "Continues the prompt as it is, without the model's chat template.");

    /// <param name="command">The command that takes them.</param>
    /// <param name="files">What it does with files.</param>
    /// <param name="required">Whether there must be a file.</param>
    public DocumentArguments(Command command, string files, bool required = false)
    {
        _files = new Option<string[]>("--file") { HelpName = "TEXT", Description = files };
        command.Options.Add(_files);
        command.Options.Add(_system);
        command.Options.Add(_raw);
        command.Validators.Add(result =>
        {
            if (required && result.GetResult(_files) is null) result.AddError("There is no document; give a text with --file.");
            if (result.GetResult(_raw) is { Implicit: false } && result.GetResult(_system) is not null)
                result.AddError("--system needs the chat template, which --raw leaves out; give one of them.");
        });
    }

    /// <summary>Whether there is a file.</summary>
    public bool HasFiles(CommandResult result) => result.GetResult(_files) is not null;

    /// <summary>Whether any of them is given.</summary>
    public bool IsGiven(CommandResult result) =>
        HasFiles(result) || result.GetResult(_system) is not null || result.GetResult(_raw) is { Implicit: false };

    /// <summary>Reads the files.</summary>
    public ContextDocument Read(ParseResult parsed) =>
        ContextDocument.Join(parsed.GetValue(_system), (parsed.GetValue(_files) ?? []).Select(TextFiles.Read), parsed.GetValue(_raw));
}
