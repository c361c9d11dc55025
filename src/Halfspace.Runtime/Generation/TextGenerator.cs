using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Generation;

/// <summary>Generates text token by token: picks tokens, makes whole characters of them and watches for stop texts. For one thread.</summary>
public sealed class TextGenerator
{
    private readonly TokenGenerator _tokens;
    private readonly StreamingDecoder _decoder;
    private readonly StopSequences _stops;

    // Tokens whose text is held back, with the character where each begins.
    private readonly Queue<(long Start, TokenLogProbability Token)>? _held;
    private long _decoded, _given;

    /// <summary>Prepares to continue a context.</summary>
    /// <param name="context">A context that has its prompt by the first <see cref="Step"/>.</param>
    /// <param name="options">How to pick tokens and when to stop.</param>
    /// <param name="tokenizer">The tokenizer of the context's model.</param>
    /// <exception cref="ModelException">An option is outside its range.</exception>
    public TextGenerator(ModelContext context, GenerationOptions options, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(options);
        _tokens = new TokenGenerator(context, options, tokenizer);
        _decoder = new StreamingDecoder(tokenizer);
        _stops = new StopSequences(options.Stop);
        _held = options.TopLogProbabilities is null ? null : new();
    }

    /// <summary>The token of the last step.</summary>
    public int Token => _tokens.Token;

    /// <summary>Tokens generated, without an end token.</summary>
    public int Count => _tokens.Count;

    /// <summary>Why it ended.</summary>
    public FinishReason Finish { get; private set; }

    /// <summary>The stop text that ended it, if one did.</summary>
    public string? StopText => _stops.Found;

    /// <summary>Whether the context must read <see cref="Token"/> before the next step: <see cref="Step"/> does, unless a
    /// <see cref="ContextBatch"/> has.</summary>
    public bool WantsRead => Finish == FinishReason.None && _tokens.WantsRead;

    /// <summary>Takes a step: reads the last token if the context has not, and picks one.</summary>
    /// <returns>The text that the token completes, perhaps none; its finish is set in the last piece, after which there are no steps.</returns>
    /// <exception cref="InvalidOperationException">The generation has ended.</exception>
    public GeneratedText Step(CancellationToken cancellation = default)
    {
        if (Finish != FinishReason.None) throw new InvalidOperationException($"The generation has ended ({Finish}); begin another.");
        if (!_tokens.Next(cancellation))
        {
            string last = string.Concat(_stops.Append(_decoder.Flush()), _stops.Flush());
            Finish = _stops.Found is null ? _tokens.Finish : FinishReason.Stop;
            return Piece(last);
        }

        ReadOnlySpan<char> decoded = _decoder.Append(_tokens.Token);
        _held?.Enqueue((_decoded, _tokens.LogProbability!));
        _decoded += decoded.Length;
        ReadOnlySpan<char> text = _stops.Append(decoded);
        if (_stops.Found is not null) Finish = FinishReason.Stop;
        return Piece(text.ToString());
    }

    private GeneratedText Piece(string text)
    {
        _given += text.Length;
        GeneratedText piece = new(text, _tokens.Count, Finish);
        if (_held is null) return piece;
        // Tokens of a stop text go the way of their text.
        bool all = Finish != FinishReason.None && _stops.Found is null;
        List<TokenLogProbability> tokens = [];
        while (_held.TryPeek(out (long Start, TokenLogProbability Token) next) && (all || next.Start < _given)) tokens.Add(_held.Dequeue().Token);
        return piece with { LogProbabilities = tokens };
    }
}
