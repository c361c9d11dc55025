using System.Runtime.InteropServices;
using Halfspace.Attention;
using Halfspace.Runtime.Decoder;
using Halfspace.Runtime.Operators;
using Halfspace.Runtime.Saved;

namespace Halfspace.Runtime;

/// <summary>
/// A sequence of tokens that a model has read: their keys and values, and the logits after the last one. One caller at a time; several
/// contexts of one model may run at once.
/// </summary>
public sealed class ModelContext : IDisposable
{
    private readonly DecoderSession _decoder;
    private readonly AttentionOptions? _index;
    private readonly ContextFile? _saved;
    private readonly DecoderRun _run;
    private readonly HeadAttention _promptAttention;
    private readonly int _chunk, _opening;
    private HeadAttention _attention;
    private KeyValueCache? _cache;
    private int _plain;
    private readonly List<int> _tokens = [];
    private readonly AttentionCounters[] _counters, _promptCounters;

    internal ModelContext(DecoderSession decoder, ContextOptions options, ContextFile? saved = null)
    {
        ModelConfig config = decoder.Config;
        long fits = (long)(config.TrainedContext * Math.Max(1, config.Rotary.Factor));
        Limit = options.Limit > 0 ? options.Limit : (int)Math.Min(fits, int.MaxValue);
        if (Limit > fits)
            throw new ModelException($"A context of {Limit} tokens is more than the {fits} that the model was made for; "
                + $"add --rope-scaling yarn:{Math.Ceiling((double)Limit / config.TrainedContext)} to stretch it, at some cost in quality.");
        if (options.ChunkTokens < 1) throw new ModelException($"A chunk of {options.ChunkTokens} tokens is too small; give at least 1.");
        _attention = new HeadAttention(options.Attention, function: config.Function);
        _promptAttention = new HeadAttention(options.PromptAttention, function: config.Function);
        _counters = new AttentionCounters[config.Layers];
        _promptCounters = new AttentionCounters[config.Layers];
        _chunk = options.ChunkTokens;
        bool sparse = options.Attention.Mode == AttentionMode.Sparse || options.PromptAttention.Mode == AttentionMode.Sparse;
        _index = sparse ? options.Attention : null;
        _opening = options.OpeningTokens;
        _decoder = decoder;
        _saved = saved;
        if (saved is null) _cache = new KeyValueCache(config.Attention, Limit, _index);
        _run = decoder.CreateRun();
        Vocabulary = config.Vocabulary;
    }

    /// <summary>The most tokens it can hold.</summary>
    public int Limit { get; }

    /// <summary>Tokens read.</summary>
    public int Count => _tokens.Count;

    /// <summary>The tokens read, in order; valid until the next call.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Memory of the keys and values, in bytes. Of an opened context also what is mapped and shared with others.</summary>
    public long AllocatedBytes => _cache?.AllocatedBytes ?? _saved!.Header.FileBytes;

    /// <summary>What an opened context's prompts begin with, if it was saved with it.</summary>
    public ContextDocument? Document => _saved?.Front.Texts.Document;

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
                int most = Count < _opening ? Math.Min(_chunk, _opening - Count) : _chunk;
                ReadOnlySpan<int> chunk = tokens.Slice(read, Math.Min(most, tokens.Length - read));
                bool plain = Count == _plain && Count % _chunk == 0 && _promptAttention.Options.Mode == AttentionMode.Dense;
                Forward(chunk, _promptAttention, read + chunk.Length == tokens.Length ? 1 : 0, _promptCounters, cancellation);
                if (plain) _plain = Count;
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

    /// <summary>Reads one token as decoding does, and keeps what its heads attended to.</summary>
    /// <param name="token">The token.</param>
    /// <param name="trace">Filled.</param>
    /// <param name="cancellation">Stops the run; the context is then as before.</param>
    /// <exception cref="ModelException">The context is full.</exception>
    /// <exception cref="NotSupportedException">The model's attention is not softmax.</exception>
    public void ReadTraced(int token, AttentionTrace trace, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(trace);
        LayerStep step = _run.StepOf(_attention);
        step.Trace = trace;
        try
        {
            ReadOne(token, cancellation);
        }
        finally
        {
            step.Trace = null;
        }
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
        if (position == Count) return;
        Cache.Rewind(position);
        CollectionsMarshal.SetCount(_tokens, position);
        if (position < _plain) _plain = position / _chunk * _chunk;
    }

    /// <summary>Writes the context to a file that <see cref="HalfspaceModel.OpenContext"/> opens: beside its place, then moved there, so that the place has the old
    /// file or the new one whatever happens. Not while the context is used.</summary>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="document">What the tokens begin with, to be kept with them; null keeps <see cref="Document"/>.</param>
    /// <param name="cancellation">Stops between two blocks; the place is then unchanged.</param>
    /// <exception cref="ModelException">The context is empty, or the file cannot be written.</exception>
    public Task SaveAsync(string path, ContextDocument? document = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        return WriteAsync(path, path, document, cancellation);
    }

    /// <summary>The like with a name for errors.</summary>
    internal Task WriteAsync(string path, string name, ContextDocument? document, CancellationToken cancellation) =>
        Task.Run(() => ContextWriter.Write(path, name, Content(document), cancellation), cancellation);

    /// <summary>Attends from now on as these options say while decoding; prompts are read as before.</summary>
    /// <exception cref="ModelException">They are sparse, and the context has no index or one of another window or number of clusters.</exception>
    public void Attend(AttentionOptions attention)
    {
        ArgumentNullException.ThrowIfNull(attention);
        if (attention == _attention.Options) return;
        bool fits = attention.Mode == AttentionMode.Dense || (_index is { } index
            && attention.Window == index.Window && attention.Clusters == index.Clusters && attention.Sinks == index.Sinks);
        if (!fits) throw new ModelException("The context has no index for such sparse attention; make it with the same window, sinks and clusters.");
        _attention = new HeadAttention(attention, function: _attention.Function);
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
        _cache?.Dispose();
        _saved?.Dispose();
    }

    /// <summary>A context from a file, which it owns from now on.</summary>
    /// <param name="decoder">The model.</param>
    /// <param name="file">The file.</param>
    /// <param name="options">How to go on.</param>
    /// <param name="keep">Tokens to take over; null for all. The index of fewer is built anew.</param>
    internal static ModelContext Open(DecoderSession decoder, ContextFile file, ContextOptions options, int? keep = null)
    {
        ModelContext? context = null;
        try
        {
            ContextHeader header = file.Header;
            if (!header.Model.AsSpan().SequenceEqual(decoder.Fingerprint.Model) || header.Shape != decoder.Config.Attention)
                throw new ModelException($"{file.Name} was made with another model, {file.Front.Texts.Model}; "
                    + "give that one with --model, or create the context anew.");
            if (!header.Reading.AsSpan().SequenceEqual(decoder.Fingerprint.Reading))
                throw new ModelException($"{file.Name} was made with another RoPE scaling or arithmetic of its model; "
                    + "give the same, or create the context anew.");
            if (file.Front.Tokens.AsSpan().ContainsAnyExceptInRange(0, decoder.Config.Vocabulary - 1))
                throw ContextHeader.Damaged(file.Name, "its token list");
            context = new ModelContext(decoder, options, file);
            int tokens = keep ?? header.Tokens;
            if (tokens > context.Limit) throw TooLong($"{file.Name} has {tokens} tokens and the context holds {context.Limit}");
            context._tokens.AddRange(file.Front.Tokens.AsSpan(0, tokens));
            if (header.ChunkTokens == options.ChunkTokens) context._plain = Math.Min(header.PlainTokens, tokens);
            return context;
        }
        catch
        {
            context?._run.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>What is saved. Not changed until the next call that reads.</summary>
    internal ContextContent Content(ContextDocument? document) => Count == 0
        ? throw new ModelException("The context is empty; read some text before saving it.")
        : new ContextContent(Cache, _index, [.. _tokens], _chunk, _plain, _decoder.Fingerprint,
            new ContextTexts(_decoder.Config.Name, document ?? Document));

    // A saved context's blocks are first looked at here: a damaged one never comes into an answer.
    private KeyValueCache Cache => _cache ??= Restored(_saved!);

    private KeyValueCache Restored(ContextFile saved)
    {
        saved.Verify();
        ContextHeader header = saved.Header;
        bool same = _index is not null && header.HasIndex && header.Window == _index.Window
            && header.Clusters == _index.Clusters && Count == header.Tokens;
        KeyValueCache cache;
        try
        {
            cache = KeyValueCache.Restore(header.Shape, Limit, _index, Count, saved, indexes: same);
        }
        catch (InvalidDataException)
        {
            throw ContextHeader.Damaged(saved.Name, "an index");
        }

        if (_index is not null && !same)
        {
            int heads = header.Shape.KeyValueHeads;
            Parallel.For(0, header.Shape.Layers * heads, () => new AttentionScratch(), (h, _, scratch) =>
            {
                cache[h / heads, h % heads].Reindex(scratch);
                return scratch;
            }, scratch => scratch.Dispose());
        }

        return cache;
    }

    /// <summary>Makes room for one more token, which a batch of the same model reads.</summary>
    internal BatchRow JoinBatch(DecoderSession decoder, int index)
    {
        if (_decoder != decoder) throw new ArgumentException($"Context {index} of the batch is of another model.");
        if (Count >= Limit)
            throw new ModelException($"Context {index} of the batch is full with {Limit} tokens; give a larger --context.");
        Cache.Reserve(Count + 1);
        return new BatchRow(Cache, _run.StepOf(_attention), Count, _counters);
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
        _run.Forward(Cache, attention, Count, tokens, logitRows, counters, cancellation);
        _tokens.AddRange(tokens);
    }
}
