namespace Halfspace.Runtime.Generation;

/// <summary>Decodes token after token in a context that has read a prompt. No allocation per token.</summary>
public sealed class TokenGenerator
{
    private readonly ModelContext _context;
    private readonly Sampler _sampler;
    private readonly IReadOnlyList<int> _ends;
    private readonly int _maxTokens;
    private bool _started, _pending;

    /// <summary>Prepares to continue a context.</summary>
    /// <param name="context">A context that has just read its prompt.</param>
    /// <param name="options">How to pick tokens and when to stop.</param>
    /// <param name="endTokens">Tokens that end the generation.</param>
    public TokenGenerator(ModelContext context, GenerationOptions options, IReadOnlyList<int> endTokens)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxTokens < 0) throw new ModelException($"{options.MaxTokens} tokens cannot be generated; give a number from 1, or 0 for as many as fit.");
        _context = context;
        _sampler = new Sampler(options.Sampling, context.Vocabulary);
        _ends = options.IgnoreEnd ? [] : endTokens;
        _maxTokens = options.MaxTokens;
    }

    /// <summary>The token of the last step.</summary>
    public int Token { get; private set; }

    /// <summary>Tokens generated, without an end token.</summary>
    public int Count { get; private set; }

    /// <summary>Why it ended.</summary>
    public FinishReason Finish { get; private set; }

    /// <summary>Picks the next token, having read the one before.</summary>
    /// <returns>False when the generation has ended; <see cref="Finish"/> says why.</returns>
    public bool Next(CancellationToken cancellation = default)
    {
        if (Finish != FinishReason.None) return false;
        if (_maxTokens > 0 && Count == _maxTokens) return End(FinishReason.Length);
        if (!_started)
        {
            _sampler.Accept(_context.Tokens);
            _started = true;
        }

        if (_pending)
        {
            if (_context.Count == _context.Limit) return End(FinishReason.ContextFull);
            _context.ReadOne(Token, cancellation);
            _pending = false;
        }

        cancellation.ThrowIfCancellationRequested();
        int token = _sampler.Sample(_context.Logits);
        for (int i = 0; i < _ends.Count; i++)
            if (_ends[i] == token) return End(FinishReason.Stop);
        Token = token;
        Count++;
        _pending = true;
        return true;
    }

    private bool End(FinishReason reason)
    {
        Finish = reason;
        return false;
    }
}
