using Halfspace.Runtime.Generation.Grammars;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Generation;

/// <summary>Decodes token after token in a context that has read a prompt. No allocation per token.</summary>
public sealed class TokenGenerator
{
    private readonly ModelContext _context;
    private readonly Sampler _sampler;
    private readonly IReadOnlyList<int> _ends;
    private readonly int _maxTokens;
    private readonly LogProbabilityReader? _probabilities;
    private readonly TokenConstraint? _constraint;
    private bool _started;
    private int _pickedAt = -1;

    /// <summary>Prepares to continue a context.</summary>
    /// <param name="context">A context that has just read its prompt.</param>
    /// <param name="options">How to pick tokens and when to stop.</param>
    /// <param name="tokenizer">The tokenizer of the context's model.</param>
    /// <exception cref="ModelException">An option is outside its range.</exception>
    public TokenGenerator(ModelContext context, GenerationOptions options, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (options.MaxTokens < 0) throw new ModelException($"{options.MaxTokens} tokens cannot be generated; give a number from 1, or 0 for as many as fit.");
        _context = context;
        _sampler = new Sampler(options.Sampling, context.Vocabulary);
        _ends = options.IgnoreEnd ? [] : tokenizer.EndIds;
        _probabilities = options.TopLogProbabilities is { } top ? new LogProbabilityReader(tokenizer, top) : null;
        _constraint = options.Grammar is { } grammar ? new TokenConstraint(grammar, tokenizer, context.Vocabulary, _ends) : null;
        _maxTokens = options.MaxTokens;
    }

    /// <summary>The token of the last step.</summary>
    public int Token { get; private set; }

    /// <summary>Tokens generated, without an end token.</summary>
    public int Count { get; private set; }

    /// <summary>Why it ended.</summary>
    public FinishReason Finish { get; private set; }

    /// <summary>Whether the context must read <see cref="Token"/> before the next step: <see cref="Next"/> does, unless a
    /// <see cref="ContextBatch"/> has.</summary>
    public bool WantsRead => IsPending && Finish == FinishReason.None && (_maxTokens == 0 || Count < _maxTokens) && _context.Count < _context.Limit;

    /// <summary>The probability of <see cref="Token"/>; null unless <see cref="GenerationOptions.TopLogProbabilities"/> asks for it.</summary>
    public TokenLogProbability? LogProbability { get; private set; }

    private bool IsPending => _pickedAt == _context.Count;

    /// <summary>Picks the next token, having read the one before if the context has not.</summary>
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

        if (IsPending)
        {
            if (_context.Count == _context.Limit) return End(FinishReason.ContextFull);
            _context.ReadOne(Token, cancellation);
        }

        cancellation.ThrowIfCancellationRequested();
        int token;
        if (_constraint is null)
        {
            token = _sampler.Sample(_context.Logits);
        }
        else
        {
            ReadOnlySpan<ulong> allowed = _constraint.Allowed();
            if (allowed.IsEmpty) return End(FinishReason.Stop);
            token = _sampler.Sample(_context.Logits, allowed);
        }

        for (int i = 0; i < _ends.Count; i++)
            if (_ends[i] == token) return End(FinishReason.Stop);
        _constraint?.Accept(token);
        LogProbability = _probabilities?.Read(_context.Logits, token);
        Token = token;
        Count++;
        _pickedAt = _context.Count;
        return true;
    }

    private bool End(FinishReason reason)
    {
        Finish = reason;
        return false;
    }
}
