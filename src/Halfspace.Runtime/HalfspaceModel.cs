using System.Runtime.CompilerServices;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Decoder;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Saved;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime;

/// <summary>A language model from a GGUF file: weights, tokenizer and chat template. Its contexts may run at once.</summary>
public sealed class HalfspaceModel : IDisposable
{
    private readonly GgufFile _file;
    private readonly DecoderSession _decoder;
    private readonly Lazy<ChatTemplate> _template;
    private readonly Lazy<ControlText> _control;

    private HalfspaceModel(GgufFile file, DecoderSession decoder, Tokenizer tokenizer)
    {
        _file = file;
        _decoder = decoder;
        Tokenizer = tokenizer;
        _control = new Lazy<ControlText>(() => new ControlText(tokenizer));
        _template = new Lazy<ChatTemplate>(() => ChatTemplate.Parse(
            file.Metadata.GetString("tokenizer.chat_template", null) is { Length: > 0 } source ? source
                : throw new ModelException($"{file.Name} has no chat template; use --raw to send the prompt as it is.")));
    }

    /// <summary>The model's hyper-parameters.</summary>
    public ModelConfig Config => _decoder.Config;

    /// <summary>The model's tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>What saved contexts know the model by.</summary>
    internal ModelFingerprint Fingerprint => _decoder.Fingerprint;

    /// <summary>Opens a GGUF file. The first time, its weights are converted and kept in a cache; later starts map them.</summary>
    /// <exception cref="ModelException">The file is missing, damaged or of an unknown kind; the message says what to do.</exception>
    public static HalfspaceModel Load(string path, ModelOptions? options = null)
    {
        options ??= new ModelOptions();
        if (options.Threads < 0) throw new ModelException($"{options.Threads} threads cannot be used; give a number from 1, or 0 for all processors.");
        GgufFile file = GgufFile.Open(path);
        Task<Tokenizer>? tokenizer = null;
        DecoderSession? decoder = null;
        try
        {
            ModelConfig config = ModelConfig.From(file);
            if (options.RopeScaling is { } scaling) config = config with { Rotary = config.Rotary.WithScaling(scaling) };
            DecoderOptions decoding = new() { Threads = options.Threads, Arithmetic = options.Arithmetic, CacheDirectory = options.CacheDirectory };
            // The tokenizer is made beside the session, but one that is not supported is told before weights are converted.
            Task<Tokenizer> making = tokenizer = Task.Run(() => Tokenizer.Create(file));
            decoder = DecoderSession.Load(file, config, decoding, () => making.GetAwaiter().GetResult());
            return new HalfspaceModel(file, decoder, making.GetAwaiter().GetResult());
        }
        catch
        {
            // The tokenizer reads the mapped file: it must have ended, whatever its outcome, before the file is closed.
            tokenizer?.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
            decoder?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>A new, empty context.</summary>
    /// <exception cref="ModelException">The options do not fit the model or each other.</exception>
    public ModelContext CreateContext(ContextOptions? options = null) => new(_decoder, options ?? new ContextOptions());

    /// <summary>Opens a saved context. Its file is mapped and its blocks are only looked at, and checked, when tokens are read; what is read then stays in
    /// private memory until it is saved again.</summary>
    /// <param name="path">A file that <see cref="ModelContext.SaveAsync"/> wrote.</param>
    /// <param name="options">How to go on. An index of another window or number of clusters is built anew.</param>
    /// <exception cref="ModelException">There is no such file, it is damaged, of another model or too long for the limit.</exception>
    public ModelContext OpenContext(string path, ContextOptions? options = null) =>
        Adopt(ContextFile.Open(path), options ?? new ContextOptions());

    /// <summary>A context over a file that is open, of which the first tokens may be enough. The context owns it.</summary>
    internal ModelContext Adopt(ContextFile file, ContextOptions options, int? keep = null) =>
        ModelContext.Open(_decoder, file, options, keep);

    /// <summary>What takes decode steps of several contexts of this model at once.</summary>
    public ContextBatch CreateBatch() => new(_decoder);

    /// <summary>
    /// Renders a conversation with the model's own chat template and encodes it. Control tokens come from the template alone: one that is
    /// written out in a message that is not the assistant's, or in a tool, stays text.
    /// </summary>
    /// <param name="messages">The conversation, oldest first.</param>
    /// <param name="tools">Functions that the model is told of. A template that knows of none gets them in the system message.</param>
    /// <exception cref="ChatTemplateException">The template cannot be rendered.</exception>
    public int[] EncodeChat(IReadOnlyList<ChatTurn> messages, ToolSet? tools = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        string[] pieces = Render([.. messages.Select(Guarded)], tools, _control.Value.Guard).Split(ControlText.Mark);
        return [.. pieces.SelectMany(piece => Tokenizer.Encode(piece, parseSpecial: true))];
    }

    /// <summary>Renders a conversation with the model's own chat template, up to where the assistant answers.</summary>
    /// <param name="messages">The conversation, oldest first.</param>
    /// <param name="tools">Functions that the model is told of.</param>
    /// <exception cref="ChatTemplateException">The template cannot be rendered.</exception>
    public string RenderChat(IReadOnlyList<ChatTurn> messages, ToolSet? tools = null) => Render(messages, tools, text => text);

    /// <summary>Brings a context to a prompt, keeping what it has already read of it, and generates.</summary>
    /// <param name="context">A context of this model; afterwards it holds the prompt and the answer but its last token.</param>
    /// <param name="prompt">All tokens of the prompt, from position 0.</param>
    /// <param name="options">How to generate.</param>
    /// <param name="progress">Told how many of the prompt's new tokens were read.</param>
    /// <param name="cancellation">Ends the generation between two tokens, or the reading of the prompt.</param>
    public async IAsyncEnumerable<GeneratedText> Generate(
        ModelContext context, ReadOnlyMemory<int> prompt, GenerationOptions? options = null, IProgress<int>? progress = null,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        options ??= new GenerationOptions();
        if (prompt.IsEmpty) throw new ModelException("The prompt is empty; give some text.");
        TextGenerator generator = new(context, options, Tokenizer);
        await Task.Run(() => BringTo(context, prompt.Span, progress, cancellation), cancellation).ConfigureAwait(false);
        GeneratedText piece;
        do
        {
            piece = await Task.Run(() => generator.Step(cancellation), cancellation).ConfigureAwait(false);
            if (piece.Text.Length > 0 || piece.Finish != FinishReason.None) yield return piece;
        }
        while (piece.Finish == FinishReason.None);
    }

    /// <summary>Makes a context hold exactly the prompt: rewinds to what they share and reads the rest, at least the last token.</summary>
    /// <param name="context">The context.</param>
    /// <param name="prompt">All tokens of the prompt, from position 0; at least one.</param>
    /// <param name="progress">Told how many of the new tokens were read.</param>
    /// <param name="cancellation">Stops; what the context shares with the prompt stays.</param>
    /// <exception cref="ModelException">The prompt is empty, or does not fit; the context is as before.</exception>
    public static void BringTo(ModelContext context, ReadOnlySpan<int> prompt, IProgress<int>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (prompt.IsEmpty) throw new ModelException("The prompt is empty; give some text.");
        context.RequireLimit(prompt.Length);
        int shared = Math.Min(context.Tokens.CommonPrefixLength(prompt), prompt.Length - 1);
        context.Rewind(shared);
        context.Read(prompt[shared..], progress, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _decoder.Dispose();
        _file.Dispose();
    }

    private string Render(IReadOnlyList<ChatTurn> messages, ToolSet? tools, Func<string, string> guard)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ChatTemplate template = _template.Value;
        IReadOnlyList<ToolDefinition> functions = tools?.Tools ?? [];
        Dictionary<string, object?> variables = [];
        if (!template.HasTools) messages = ToolConversation.AsText(messages, functions, guard);
        else if (functions.Count > 0) variables["tools"] = ToolConversation.Describe(functions, guard);
        return template.Render(messages, addGenerationPrompt: true, Text(Tokenizer.BosId), Text(Tokenizer.EosId), variables);
    }

    // What the assistant said is the model's own, and templates look for its markers in it.
    private ChatTurn Guarded(ChatTurn turn) => turn.Role == "assistant" ? turn : turn with
    {
        Content = _control.Value.Guard(turn.Content),
        Name = turn.Name is null ? null : _control.Value.Guard(turn.Name),
        ToolCallId = turn.ToolCallId is null ? null : _control.Value.Guard(turn.ToolCallId),
    };

    private string? Text(int? id) => id is { } token ? Tokenizer.Decode([token], skipSpecial: false) : null;
}
