using System.CommandLine;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;

namespace Halfspace.Cli.Run;

/// <summary><c>halfspace run</c>: one prompt, one answer.</summary>
internal sealed class RunCommand : Command
{
    private readonly CliConsole _console;
    private readonly Argument<string?> _prompt = new("PROMPT")
    {
        Arity = ArgumentArity.ZeroOrOne,
        Description = "The prompt; - reads it from standard input.",
    };

    private readonly Option<string[]> _files = new("--file")
    {
        HelpName = "TEXT",
        Description = "A text file that goes before the prompt, with a blank line between; may be given more than once.",
    };

    private readonly Option<string?> _system = NewOption.Text("--system", "S", "The system message.");
    private readonly Option<bool> _raw = NewOption.Flag("--raw", "Continues the prompt as it is, without the model's chat template.");
    private readonly Option<bool> _stats = NewOption.Flag("--stats", "Prints speed, keys a head and memory to standard error at the end.");
    private readonly Option<bool> _json = NewOption.Flag("--json",
        "Prints JSON lines: {\"text\": …} for each piece, and {\"done\": true, …} with counts and speed at the end.");

    private readonly ModelArguments _model;
    private readonly SamplingArguments _sampling;
    private readonly AttentionArguments _attention;

    public RunCommand(CliConsole console)
        : base("run", "Answers a prompt, about documents if there are any.")
    {
        _console = console;
        Arguments.Add(_prompt);
        Options.Add(_files);
        Options.Add(_system);
        _model = new ModelArguments(this);
        _sampling = new SamplingArguments(this);
        _attention = new AttentionArguments(this);
        Options.Add(_raw);
        Options.Add(_stats);
        Options.Add(_json);
        Validators.Add(result =>
        {
            if (result.GetResult(_prompt) is not { Tokens.Count: > 0 } && result.GetResult(_files) is null)
                result.AddError("There is no prompt; give one, or - to read it from standard input.");
            if (result.GetResult(_raw) is { Implicit: false } && result.GetResult(_system) is not null)
                result.AddError("--system needs the chat template, which --raw leaves out; give one of them.");
        });
        SetAction((parsed, _) => RunAsync(parsed));
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        string text = Prompt(parsed);
        bool raw = parsed.GetValue(_raw), json = parsed.GetValue(_json);
        using HalfspaceModel model = _model.Load(parsed);
        _console.Interrupt.Token.ThrowIfCancellationRequested();
        AttentionOptions attention = _attention.One(parsed);
        using ModelContext context = model.CreateContext(_model.Context(parsed, attention, _attention.Prompt(parsed, attention)));
        int[] prompt = raw ? model.Tokenizer.Encode(text, parseSpecial: true, model.Tokenizer.AddBos)
            : model.EncodeChat(Turns(parsed.GetValue(_system), text));
        if (prompt.Length == 0) throw new UsageException("The prompt is empty; give some text.");
        context.RequireRoom(prompt.Length);
        GenerationOptions options = _sampling.Value(parsed);
        Answer answer = new(model, context, prompt);
        try
        {
            await answer.GenerateAsync(_console, options, piece =>
            {
                if (json) CliJson.WriteLine(_console.Out, new RunPiece { Text = piece }, CliJson.Default.RunPiece);
                else _console.Out.Write(piece);
            }, trimStart: raw).ConfigureAwait(false);
        }
        finally
        {
            if (!json && answer.Text.Length > 0 && !answer.Text.EndsWith('\n')) _console.Out.WriteLine();
        }

        if (json) CliJson.WriteLine(_console.Out, answer.Report(), CliJson.Default.RunDone);
        if (parsed.GetValue(_stats)) _console.Error.WriteLine(answer.Statistics());
        return ExitCode.Success;
    }

    private string Prompt(ParseResult parsed)
    {
        string? prompt = parsed.GetValue(_prompt);
        string[] files = parsed.GetValue(_files) ?? [];
        if (prompt == "-") prompt = _console.In.ReadToEnd();
        string text = TextFiles.Join(files.Select(TextFiles.Read), prompt ?? "");
        return text.Length > 0 ? text : throw new UsageException("The prompt is empty; give some text.");
    }

    private static List<ChatTurn> Turns(string? system, string text)
    {
        List<ChatTurn> turns = [];
        if (system is not null) turns.Add(new ChatTurn("system", system));
        turns.Add(new ChatTurn("user", text));
        return turns;
    }
}
