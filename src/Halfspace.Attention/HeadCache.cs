using System.Buffers;
using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>The keys and values of one layer's KV head in a <see cref="KeyValueCache"/>, float16.</summary>
/// <remarks>One writer at a time; different heads may be written by different threads. Attention may read from any number of threads while
/// nothing is appended.</remarks>
public sealed class HeadCache
{
    /// <summary>Positions after which the index takes in what a prompt has read: rows attend exactly to what came since, so fewer cost less.</summary>
    public const int PromptStep = 128;

    private readonly KeyValueCache _cache;
    private readonly AttentionKernels _kernels;
    private readonly long _offset;
    internal HeadCache(KeyValueCache cache, AttentionKernels kernels, long offset, int dim, HeadIndex? index)
    {
        Index = index;
        _cache = cache;
        _kernels = kernels;
        _offset = offset;
        Dim = dim;
    }

    /// <summary>What sparse attention finds keys with; none in a context that is only attended densely.</summary>
    internal HeadIndex? Index { get; }

    /// <summary>Tokens held.</summary>
    public int Count { get; private set; }

    /// <summary>d, coordinates of a key or value.</summary>
    public int Dim { get; }

    /// <summary>Adds keys and values of the next tokens, rounded to the nearest float16 (ties to even).</summary>
    /// <param name="keys">Row r is at [r · <paramref name="keyStride"/> .. + d].</param>
    /// <param name="keyStride">From one key row to the next, at least d.</param>
    /// <param name="values">Row r is at [r · <paramref name="valueStride"/> .. + d].</param>
    /// <param name="valueStride">From one value row to the next, at least d.</param>
    /// <param name="rows">Tokens to add.</param>
    /// <exception cref="ArgumentException">A span or stride is too short.</exception>
    /// <exception cref="InvalidOperationException">No room was reserved.</exception>
    /// <exception cref="ArithmeticException">A row holds NaN, infinity or a number beyond float16 (±65,504); the head is
    /// unchanged.</exception>
    public void Append(ReadOnlySpan<float> keys, int keyStride, ReadOnlySpan<float> values, int valueStride, int rows)
    {
        Shapes.RequireRows(keys.Length, keyStride, rows, Dim, nameof(keys));
        Shapes.RequireRows(values.Length, valueStride, rows, Dim, nameof(values));
        _cache.RequireMemory();
        if (rows > _cache.Capacity - Count)
            throw new InvalidOperationException(
                $"{rows} tokens after {Count} do not fit in the {_cache.Capacity} reserved; call Reserve first.");
        for (int r = 0; r < rows;)
        {
            int token = Count + r, block = token / KeyValueCache.BlockTokens, at = token % KeyValueCache.BlockTokens;
            int take = Math.Min(rows - r, KeyValueCache.BlockTokens - at);
            Store(keys[(r * keyStride)..], keyStride, take, Part(block, 0)[(at * Dim)..], "key", r);
            Store(values[(r * valueStride)..], valueStride, take, Part(block, 1)[(at * Dim)..], "value", r);
            r += take;
        }
        Count += rows;
    }

    /// <summary>Whether <see cref="Advance"/> to so many tokens would do anything.</summary>
    public bool IsAdvanceDue(int tokens) => Index?.IsDue(tokens) ?? false;

    /// <summary>Takes the first tokens into the head's index, but for a recent window before <paramref name="tokens"/>. Not while another thread attends to
    /// the head.</summary>
    /// <param name="tokens">At most <see cref="Count"/>: rows from there on will attend.</param>
    /// <param name="prompt">Whether many tokens came at once: then the index may be built anew.</param>
    /// <param name="scratch">This thread's buffers.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many tokens.</exception>
    public void Advance(int tokens, bool prompt, AttentionScratch scratch) => Extend(tokens, prompt, more: false, scratch);

    /// <summary>The like for tokens of a prompt: the index takes them in at multiples of <see cref="PromptStep"/> and at the end. A prompt that is cut at
    /// such multiples gets the index that the whole would, but for rounding.</summary>
    /// <param name="from">The first that may not have been taken in.</param>
    /// <param name="tokens">At most <see cref="Count"/>.</param>
    /// <param name="more">Whether a call for what follows comes before any but rows that <see cref="HeadAttention.SamplesPrompts"/> attend, which need no
    /// moments: summing them waits.</param>
    /// <param name="scratch">This thread's buffers.</param>
    public void AdvancePrompt(int from, int tokens, bool more, AttentionScratch scratch)
    {
        for (int at = from; at < tokens;)
        {
            at = Math.Min(tokens, (at / PromptStep * PromptStep) + PromptStep);
            Extend(at, prompt: true, more || at < tokens, scratch);
        }
    }

    private void Extend(int tokens, bool prompt, bool more, AttentionScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        if (tokens < 0 || tokens > Count) throw new ArgumentOutOfRangeException(nameof(tokens), tokens, $"The head has {Count} tokens.");
        _cache.RequireMemory();
        Index?.Advance(this, tokens, prompt, more, scratch);
    }

    /// <summary>Makes the head's index as it would be had its tokens come as a prompt. Not while another thread attends to the head.</summary>
    public void Reindex(AttentionScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        _cache.RequireMemory();
        Index?.Rewind(this, 0, scratch);
        AdvancePrompt(0, Count, more: false, scratch);
    }

    /// <summary>Writes the head's index, for <see cref="KeyValueCache.Restore"/>: parts at multiples of 64 bytes from the first one on. Nothing if it keeps
    /// none.</summary>
    public void ExportIndex(IBufferWriter<byte> to)
    {
        ArgumentNullException.ThrowIfNull(to);
        _cache.RequireMemory();
        Index?.Export(new IndexImageWriter(to));
    }

    /// <exception cref="ObjectDisposedException">The context's memory has been freed.</exception>
    internal void RequireMemory() => _cache.RequireMemory();

    /// <summary>The keys of block <paramref name="index"/>, [block tokens, d].</summary>
    internal ReadOnlySpan<Half> Keys(int index) => Part(index, 0);

    /// <summary>The values of block <paramref name="index"/>, [block tokens, d].</summary>
    internal ReadOnlySpan<Half> Values(int index) => Part(index, 1);

    /// <summary>The key at a position, [d].</summary>
    internal ReadOnlySpan<Half> Key(int position) => Row(position, 0);

    /// <summary>The value at a position, [d].</summary>
    internal ReadOnlySpan<Half> Value(int position) => Row(position, 1);

    /// <summary>Where the key at a position is in memory; valid until the cache is disposed.</summary>
    internal nint Address(int position) => _cache.Address(position / KeyValueCache.BlockTokens)
        + (nint)((_offset + ((long)(position % KeyValueCache.BlockTokens) * Dim)) * sizeof(short));

    /// <summary>Bytes from a key to its value.</summary>
    internal nint ValueOffset => KeyValueCache.BlockTokens * Dim * sizeof(short);

    internal void Restore(int tokens, nint address, long bytes)
    {
        Count = tokens;
        if (bytes > 0) Index?.Restore(new IndexImageReader(address, bytes), tokens);
    }

    internal void Rewind(int position, AttentionScratch scratch)
    {
        if (position >= Count) return;
        Count = position;
        Index?.Rewind(this, position, scratch);
    }

    private Span<Half> Row(int position, int part) => _cache.Part(
        position / KeyValueCache.BlockTokens,
        _offset + ((((long)part * KeyValueCache.BlockTokens) + (position % KeyValueCache.BlockTokens)) * Dim),
        Dim);

    private Span<Half> Part(int block, int part) =>
        _cache.Part(block, _offset + ((long)part * KeyValueCache.BlockTokens * Dim), KeyValueCache.BlockTokens * Dim);

    private void Store(ReadOnlySpan<float> rows, int stride, int count, Span<Half> into, string what, int first)
    {
        for (int r = 0; r < count; r++)
        {
            ReadOnlySpan<float> row = rows.Slice(r * stride, Dim);
            if (!_kernels.Narrow(row, into.Slice(r * Dim, Dim))) throw Unfit(row, what, first + r);
        }
    }

    private ArithmeticException Unfit(ReadOnlySpan<float> row, string what, int index)
    {
        int c = 0;
        while (Half.IsFinite((Half)row[c])) c++;
        return new ArithmeticException(
            $"The {what} in row {index} (position {Count + index}) holds {row[c]}; " +
            "attention keeps keys and values as float16, within ±65,504.");
    }
}
