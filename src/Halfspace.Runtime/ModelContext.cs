using System.Runtime.InteropServices;
using Halfspace.Attention;
using Halfspace.Runtime.Decoder;
using Halfspace.Runtime.Operators;

namespace Halfspace.Runtime;

/// <summary>
/// A sequence of tokens that a model has read: their keys and values, and the logits after the last one. One caller at a time; several
/// contexts of one model may run at once.
/// </summary>
public sealed class ModelContext : IDisposable
{
    private readonly DecoderSession _decoder;
    private readonly KeyValueCache _cache;
    private readonly DecoderRun _run;
    private readonly HeadAttention _attention, _promptAttention;
    private readonly int _chunk;
    private readonly List<int> _tokens = [];
    private readonly AttentionCounters[] _counters, _promptCounters;

    internal ModelContext(DecoderSession decoder, ContextOptions options)
    {
        ModelConfig config = decoder.Config;
        long fits = (long)(config.TrainedContext * Math.Max(1, config.Rotary.Factor));
        int limit = options.Limit > 0 ? options.Limit : (int)Math.Min(fits, int.MaxValue);
        if (limit > fits)
            throw new ModelException($"A context of {limit} tokens is more than the {fits} that the model was made for; "
                + $"add --rope-scaling yarn:{Math.Ceiling((double)limit / config.TrainedContext)} to stretch it, at some cost in quality.");
        if (options.ChunkTokens < 1) throw new ModelException($"A chunk of {options.ChunkTokens} tokens is too small; give at least 1.");
        _attention = new HeadAttention(options.Attention, function: config.Function);
        _promptAttention = new HeadAttention(options.PromptAttention, function: config.Function);
        _counters = new AttentionCounters[config.Layers];
        _promptCounters = new AttentionCounters[config.Layers];
        _chunk = options.ChunkTokens;
        bool sparse = options.Attention.Mode == AttentionMode.Sparse || options.PromptAttention.Mode == AttentionMode.Sparse;
        _cache = new KeyValueCache(config.Attention, limit, sparse ? options.Attention : null);
        _run = decoder.CreateRun();
        _decoder = decoder;
        Vocabulary = config.Vocabulary;
    }

    /// <summary>The most tokens it can hold.</summary>
    public int Limit => _cache.Limit;

    /// <summary>Tokens read.</summary>
    public int Count => _tokens.Count;

    /// <summary>The tokens read, in order; valid until the next call.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Native memory of the keys and values, in bytes.</summary>
    public long AllocatedBytes => _cache.AllocatedBytes;

    /// <summary>What attention did while decoding, since the context began or was reset.</summary>
    public AttentionCounters Counters => Sum(_counters);

    /// <summary>What attention did while reading prompts.</summary>
    public AttentionCounters PromptCounters => Sum(_promptCounters);

    /// <summary>The like of <see cref="Counters"/> for each layer.</summary>
    public ReadOnlySpan<AttentionCounters> LayerCounters => _counters;

    /// <summary>The like of <see cref="PromptCounters"/> for each layer.</summary>
    public ReadOnlySpan<AttentionCounters> PromptLayerCounters => _promptCounters;

    /// <summary>Logits after the last token read, [vocabulary]; valid until the next call that reads. Empty before the first.</summary>
    public ReadOnlySpan<float> Logits => _run.LogitRows == 0 || Count == 0 ? [] : _run.Logits(_run.LogitRows - 1);

    internal int Vocabulary { get; }

    /// <summary>Reads a prompt in chunks.</summary>
    /// <param name="tokens">Token ids; none is fine.</param>
    /// <param name="progress">Told after each chunk how many of the tokens were read.</param>
    /// <param name="cancellation">Stops within an operator's time; the context is then as it was before the call.</param>
    /// <exception cref="ModelException">The tokens do not fit; nothing was read.</exception>
    public void Read(ReadOnlySpan<int> tokens, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        RequireRoom(tokens.Length);
        int before = Count, read = 0;
        try
        {
            while (read < tokens.Length)
            {
                ReadOnlySpan<int> chunk = tokens.Slice(read, Math.Min(_chunk, tokens.Length - read));
                Forward(chunk, _promptAttention, read + chunk.Length == tokens.Length ? 1 : 0, _promptCounters, cancellation);
                read += chunk.Length;
                progress?.Report(read);
            }
        }
        catch
        {
            Rewind(before);
            throw;
        }
    }

    /// <summary>Reads one token as decoding does. No allocation once the context has grown.</summary>
    /// <exception cref="ModelException">The context is full.</exception>
    public void ReadOne(int token, CancellationToken cancellation = default)
    {
        if (Count >= Limit) throw new ModelException($"The context is full with {Limit} tokens; give a larger --context.");
        Forward([token], _attention, 1, _counters, cancellation);
    }

    /// <summary>Reads tokens as one chunk and keeps the logits after each of them, for <see cref="LogitsOf"/>.</summary>
    /// <param name="tokens">At least one token.</param>
    /// <param name="decoding">Attends as in decoding rather than as in reading a prompt.</param>
    /// <param name="cancellation">Stops the run; the context is then as before.</param>
    public void ReadScored(ReadOnlySpan<int> tokens, bool decoding, CancellationToken cancellation = default)
    {
        RequireRoom(tokens.Length);
        if (decoding) Forward(tokens, _attention, tokens.Length, _counters, cancellation);
        else Forward(tokens, _promptAttention, tokens.Length, _promptCounters, cancellation);
    }

    /// <summary>The logits after token <paramref name="index"/> of the last <see cref="ReadScored"/>, [vocabulary].</summary>
    public ReadOnlySpan<float> LogitsOf(int index) => _run.Logits(index);

    /// <summary>Forgets the tokens from <paramref name="position"/> on; their memory is kept for the next ones.</summary>
    public void Rewind(int position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Count);
        _cache.Rewind(position);
        CollectionsMarshal.SetCount(_tokens, position);
    }

    /// <summary>Sets the counters to zero.</summary>
    public void ResetCounters()
    {
        Array.Clear(_counters);
        Array.Clear(_promptCounters);
    }

    /// <summary>Throws, before any work, if so many more tokens do not fit.</summary>
    public void RequireRoom(int tokens)
    {
        if (Count == 0) RequireLimit(tokens);
        else if ((long)Count + tokens > Limit)
            throw TooLong($"{tokens} more tokens do not fit: the context holds {Limit} and has {Count}");
    }

    /// <summary>Throws if a whole prompt does not fit, whatever the context holds now.</summary>
    internal void RequireLimit(int prompt)
    {
        if (prompt > Limit) throw TooLong($"The prompt has {prompt} tokens and the context holds {Limit}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _run.Dispose();
        _cache.Dispose();
    }

    /// <summary>Makes room for one more token, which a batch of the same model reads.</summary>
    internal BatchRow JoinBatch(DecoderSession decoder, int index)
    {
        if (_decoder != decoder) throw new ArgumentException($"Context {index} of the batch is of another model.");
        if (Count >= Limit)
            throw new ModelException($"Context {index} of the batch is full with {Limit} tokens; give a larger --context.");
        _cache.Reserve(Count + 1);
        return new BatchRow(_cache, _run.StepOf(_attention), Count, _counters);
    }

    /// <summary>Takes what a batch has read for this context.</summary>
    internal void TakeRead(int token, ReadOnlySpan<float> logits)
    {
        _run.TakeLogits(logits);
        _tokens.Add(token);
    }

    private static ModelException TooLong(string what) => new($"{what}; shorten the text or give a larger --context.");

    private static AttentionCounters Sum(AttentionCounters[] layers)
    {
        AttentionCounters sum = default;
        foreach (ref readonly AttentionCounters layer in layers.AsSpan()) sum.Add(in layer);
        return sum;
    }

    private void Forward(ReadOnlySpan<int> tokens, HeadAttention attention, int logitRows, AttentionCounters[] counters, CancellationToken cancellation)
    {
        _run.Forward(_cache, attention, Count, tokens, logitRows, counters, cancellation);
        _tokens.AddRange(tokens);
    }
}
