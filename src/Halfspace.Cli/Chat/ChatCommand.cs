using System.CommandLine;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;

namespace Halfspace.Cli.Chat;

/// <summary><c>halfspace chat</c>: a conversation.</summary>
internal sealed class ChatCommand : Command
{
    private readonly CliConsole _console;
    private readonly Option<string?> _system = NewOption.Text("--system", "S", "The system message.");
    private readonly ModelArguments _model;
    private readonly SamplingArguments _sampling;
    private readonly AttentionArguments _attention;

    public ChatCommand(CliConsole console)
        : base("chat", "Holds a conversation; /help lists its commands, Ctrl-C stops an answer.")
    {
        _console = console;
        Options.Add(_system);
        _model = new ModelArguments(this);
        _sampling = new SamplingArguments(this);
        _attention = new AttentionArguments(this);
        SetAction((parsed, _) => RunAsync(parsed));
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        using HalfspaceModel model = _model.Load(parsed);
        AttentionOptions attention = _attention.One(parsed);
        using ModelContext context = model.CreateContext(_model.Context(parsed, attention, _attention.Prompt(parsed, attention)));
        _console.Interrupt.Token.ThrowIfCancellationRequested();
        await new ChatSession(_console, model, context, _sampling.Value(parsed), parsed.GetValue(_system)).RunAsync().ConfigureAwait(false);
        return ExitCode.Success;
    }
}
