using Halfspace.Runtime;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Saved;

namespace Halfspace.Cli.Chat;

/// <summary>
/// A conversation line by line. Each turn renders it whole, and the context reads only what it does not know yet. Ctrl-C stops an answer,
/// which stays in the history as far as it came; at the prompt it ends the program.
/// </summary>
internal sealed class ChatSession
{
    private const string Help = """
        /file PATH  puts a text file before your next message
        /stats      shows speed, keys a head and memory of the last answer
        /clear      forgets the conversation
        /exit       ends; so does the end of the input
        """;

    private readonly CliConsole _console;
    private readonly HalfspaceModel _model;
    private readonly ModelContext _context;
    private readonly GenerationOptions _options;
    private readonly string? _system;
    private readonly List<ChatTurn> _turns = [];
    private readonly List<string> _documents = [];
    private Answer? _last;

    public ChatSession(CliConsole console, HalfspaceModel model, ModelContext context, GenerationOptions options, string? system)
    {
        _console = console;
        _model = model;
        _context = context;
        _options = options;
        _system = system;
        Clear();
    }

    /// <summary>Goes on to the end of the input or /exit.</summary>
    /// <exception cref="OperationCanceledException">Ctrl-C at the prompt.</exception>
    public async Task RunAsync()
    {
        if (_console.InputIsTerminal) _console.Error.WriteLine($"{_model.Config.Name}; /help lists the commands.");
        while (await ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            try
            {
                if (line.StartsWith('/'))
                {
                    if (Command(line)) return;
                }
                else if (line.Length > 0)
                {
                    await AnswerAsync(line).ConfigureAwait(false);
                }
            }
            catch (ModelException e)
            {
                _console.Fail(e.Message);
            }
        }
    }

    private async Task<string?> ReadLineAsync()
    {
        if (_console.InputIsTerminal) _console.Error.Write("> ");
        // A blocking read cannot be cancelled, but it can be left behind when the program ends.
        CancellationToken interrupt = _console.Interrupt.Token;
        string? line = await Task.Run(_console.In.ReadLine, interrupt).WaitAsync(interrupt).ConfigureAwait(false);
        return line?.Trim();
    }

    /// <summary>Obeys a command.</summary>
    /// <returns>Whether it ends the conversation.</returns>
    private bool Command(string line)
    {
        string[] parts = line.Split(' ', 2, StringSplitOptions.TrimEntries);
        switch (parts)
        {
            case ["/exit" or "/quit"]:
                return true;
            case ["/help"]:
                _console.Error.WriteLine(Help.ReplaceLineEndings("\n"));
                break;
            case ["/clear"]:
                Clear();
                break;
            case ["/stats"]:
                _console.Error.WriteLine(_last?.Statistics() ?? "There is no answer yet.");
                break;
            case ["/file", { Length: > 0 } path]:
                string text = TextFiles.Read(path);
                _documents.Add(text);
                _console.Error.WriteLine($"{path}, about {_model.Tokenizer.Encode(text).Length} tokens, goes before your next message.");
                break;
            case ["/file"]:
                throw new ModelException("/file needs the path of a text file.");
            default:
                throw new ModelException($"There is no command {parts[0]}; /help lists them.");
        }

        return false;
    }

    private async Task AnswerAsync(string message)
    {
        _turns.Add(new ChatTurn("user", ContextDocument.Message(_documents, message)));
        Answer answer;
        try
        {
            int[] prompt = _model.EncodeChat(_turns);
            if (prompt.Length > _context.Limit)
                throw new ModelException($"The conversation would have {prompt.Length} tokens and the context holds {_context.Limit}; "
                    + "shorten the message, or use /clear or a larger --context.");
            answer = new Answer(_model, _context, prompt);
        }
        catch
        {
            _turns.RemoveAt(_turns.Count - 1);
            throw;
        }

        _documents.Clear();
        _last = answer;
        try
        {
            await answer.GenerateAsync(_console, _options, _console.Out.Write, trimStart: true).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_console.Interrupt.Requested)
        {
            _console.Interrupt.Reset();
        }

        _console.Out.WriteLine();
        _turns.Add(new ChatTurn("assistant", answer.Text));
    }

    private void Clear()
    {
        _turns.Clear();
        _documents.Clear();
        if (_system is not null) _turns.Add(new ChatTurn("system", _system));
    }
}
