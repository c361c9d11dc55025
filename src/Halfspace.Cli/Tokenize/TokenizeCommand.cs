using System.CommandLine;
using System.Globalization;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;
using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Cli.Tokenize;

/// <summary><c>halfspace tokenize</c>: text to token ids, and back.</summary>
internal sealed class TokenizeCommand : Command
{
    private static readonly char[] Separators = [' ', ',', '\t', '\r', '\n', '[', ']'];
    private readonly CliConsole _console;
    private readonly Argument<string?> _text = new("TEXT")
    {
        Arity = ArgumentArity.ZeroOrOne,
        Description = "The text, or ids with spaces or commas between them; - or none reads standard input.",
    };

    private readonly Option<bool> _decode = NewOption.Flag("--decode", "Turns ids into text.");
    private readonly Option<string?> _model = ModelArguments.ModelOption();
    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints one JSON object with ids and text.");

    public TokenizeCommand(CliConsole console)
        : base("tokenize", "Turns text into token ids on one line, or ids into text. Special tokens can be written out; none is added.")
    {
        _console = console;
        Arguments.Add(_text);
        Options.Add(_decode);
        Options.Add(_model);
        Options.Add(_json);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        string input = parsed.GetValue(_text) is { } given and not "-" ? given : _console.In.ReadToEnd();
        bool decode = parsed.GetValue(_decode);
        int[] ids = decode ? Ids(input) : [];
        using GgufFile file = GgufFile.Open(parsed.GetValue(_model) ?? EmbeddedModel.Path);
        Tokenizer tokenizer = Tokenizer.Create(file);
        if (!decode) ids = tokenizer.Encode(input, parseSpecial: true, addBos: false);
        if (decode && Array.Find(ids, id => id >= tokenizer.VocabularySize) is > 0 and int beyond)
            throw new ModelException($"There is no token {beyond}; the model has the ids 0 to {tokenizer.VocabularySize - 1}.");
        string text = decode ? tokenizer.Decode(ids, skipSpecial: false) : input;
        TokenizeReport report = new() { Ids = ids, Text = text };
        if (parsed.GetValue(_json)) CliJson.WriteLine(_console.Out, report, CliJson.Default.TokenizeReport);
        else _console.Out.WriteLine(decode ? text : string.Join(' ', ids));
        return ExitCode.Success;
    }

    private static int[] Ids(string text) => [.. text.Split(Separators, StringSplitOptions.RemoveEmptyEntries).Select(word =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id
            : throw new UsageException($"'{word}' is not a token id; with --decode give whole numbers; without it text is tokenized."))];
}
