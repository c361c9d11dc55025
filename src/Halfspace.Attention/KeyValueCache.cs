using System.Runtime.InteropServices;
using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>One context: keys and values of every layer and KV head as float16 in native memory, which grows by blocks of tokens up to a
/// limit.</summary>
/// <remarks>A block holds <see cref="BlockTokens"/> tokens: for each layer, for each head, keys [tokens, d] and then values [tokens,
/// d].</remarks>
public sealed class KeyValueCache : IDisposable
{
    /// <summary>Tokens by which memory grows.</summary>
    public const int BlockTokens = 256;

    // Any seed does; one for all makes results repeatable.
    private const long RotationSeed = 1;

    private readonly HeadCache[] _heads;
    private readonly AttentionScratch _scratch = new();
    private readonly NativeArena _arena = new();
    private readonly List<NativeArray<Half>> _memory = [];
    private readonly NativePart<Half>[] _blocks;
    private readonly nint[] _addresses;
    private readonly long _blockLength;
    private long _indexBytes;
    private int _count;
    private bool _disposed;

    /// <summary>An empty context.</summary>
    /// <param name="shape">The decoder's attention.</param>
    /// <param name="limit">The most tokens it may ever hold.</param>
    /// <param name="sparse">How it will be attended sparsely: its heads then keep an index, of that window and number of clusters.</param>
    /// <exception cref="ArgumentException">The shape is empty, or too large for a block.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The limit is below 1, or too large for an index.</exception>
    public KeyValueCache(AttentionShape shape, int limit, AttentionOptions? sparse = null)
    {
        if (shape.Layers == 0) throw new ArgumentException("The attention shape is empty.", nameof(shape));
        if (limit < 1) throw new ArgumentOutOfRangeException(nameof(limit), limit, "A context must hold at least 1 token.");
        if (shape.HeadDim > Array.MaxLength / BlockTokens)
            throw new ArgumentException($"A head of {shape.HeadDim} coordinates is too large.", nameof(shape));
        Shape = shape;
        Limit = limit;
        _blockLength = BlockBytes(shape) / sizeof(short);
        _blocks = new NativePart<Half>[(int)(((long)limit + BlockTokens - 1) / BlockTokens)];
        _addresses = new nint[_blocks.Length];
        _heads = new HeadCache[checked(shape.Layers * shape.KeyValueHeads)];
        AttentionKernels kernels = AttentionKernels.For(Simd.Selected);
        if (sparse is not null && limit > KeyBlocks.MaxPosition)
            throw new ArgumentOutOfRangeException(nameof(limit), limit, $"An index holds at most {KeyBlocks.MaxPosition} tokens.");
        SketchRotation? rotation = sparse is null ? null : new SketchRotation(shape.HeadDim, RotationSeed);
        for (int h = 0; h < _heads.Length; h++)
        {
            HeadIndex? index = sparse is null ? null : new HeadIndex(shape.HeadDim, sparse, rotation!, kernels, _arena);
            _heads[h] = new HeadCache(this, kernels, h * 2L * BlockTokens * shape.HeadDim, shape.HeadDim, index);
        }
    }

    /// <summary>The decoder's attention.</summary>
    public AttentionShape Shape { get; }

    /// <summary>The most tokens it may hold.</summary>
    public int Limit { get; }

    /// <summary>Tokens there is memory for.</summary>
    public int Capacity => (int)Math.Min((long)_count * BlockTokens, Limit);

    /// <summary>Memory held, in bytes: the blocks, mapped ones too, and the heads' indexes.</summary>
    public long AllocatedBytes
    {
        get
        {
            return (_count * _blockLength * sizeof(short)) + _arena.Bytes + _indexBytes;
        }
    }

    /// <summary>Keys and values of a token in every layer and head, in bytes.</summary>
    public static long BytesPerToken(AttentionShape shape) => (long)shape.Layers * shape.KeyValueHeads * shape.HeadDim * 2 * sizeof(short);

    /// <summary>A block of tokens in every layer and head, in bytes.</summary>
    public static long BlockBytes(AttentionShape shape) => BytesPerToken(shape) * BlockTokens;

    /// <summary>Sketches of a token's keys in every layer and head, which sparse attention keeps besides, in bytes.</summary>
    public static long SketchBytesPerToken(AttentionShape shape) =>
        (long)shape.Layers * shape.KeyValueHeads * KeyBlocks.Bytes(shape.HeadDim) / KeyBlocks.Keys;

    /// <summary>One layer's KV head.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer or head.</exception>
    public HeadCache this[int layer, int head]
    {
        get
        {
            if ((uint)layer >= (uint)Shape.Layers)
                throw new ArgumentOutOfRangeException(nameof(layer), layer, $"The context has {Shape.Layers} layers.");
            if ((uint)head >= (uint)Shape.KeyValueHeads)
                throw new ArgumentOutOfRangeException(nameof(head), head, $"A layer has {Shape.KeyValueHeads} key and value heads.");
            return _heads[(layer * Shape.KeyValueHeads) + head];
        }
    }

    /// <summary>Makes room for positions below <paramref name="tokens"/>. Not while another thread appends or attends.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than <see cref="Limit"/>, or negative.</exception>
    /// <exception cref="InsufficientMemoryException">The system has no memory for it; what was held before stays.</exception>
    public void Reserve(int tokens)
    {
        RequireMemory();
        if (tokens < 0) throw new ArgumentOutOfRangeException(nameof(tokens), tokens, "Room cannot be negative.");
        if (tokens > Limit)
            throw new ArgumentOutOfRangeException(nameof(tokens), tokens, $"{tokens} tokens do not fit in a context of {Limit}.");
        while (Capacity < tokens)
        {
            try
            {
                NativeArray<Half> memory = new(_blockLength);
                _memory.Add(memory);
                Attach(memory.Address);
            }
            catch (OutOfMemoryException e)
            {
                throw new InsufficientMemoryException(
                    $"There is no memory for {tokens} tokens of context ({tokens * BytesPerToken(Shape) >> 20} MiB); " +
                    "use a shorter context.", e);
            }
        }
    }

    /// <summary>Takes every head back to its first <paramref name="position"/> tokens; a head that has fewer stays. Memory is
    /// kept.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative, or beyond what any head holds.</exception>
    public void Rewind(int position)
    {
        RequireMemory();
        int held = 0;
        foreach (HeadCache head in _heads) held = Math.Max(held, head.Count);
        if (position < 0 || position > held)
            throw new ArgumentOutOfRangeException(nameof(position), position,
                $"The context holds {held} tokens and cannot go to {position}.");
        foreach (HeadCache head in _heads) head.Rewind(position, _scratch);
    }

    /// <summary>A cache whose first tokens lie in memory that a cache of the same shape was exported to. What the next tokens change of the
    /// indexes is copied when they come.</summary>
    /// <param name="shape">The decoder's attention.</param>
    /// <param name="limit">The most tokens it may ever hold.</param>
    /// <param name="sparse">As for a new cache; with the window and clusters of the exported one where <paramref name="memory"/> has indexes.</param>
    /// <param name="tokens">Tokens there.</param>
    /// <param name="memory">Blocks and indexes; they are written to, and must outlive the cache.</param>
    /// <param name="indexes">Whether to take over the indexes; else the heads' are empty, for <see cref="HeadCache.Reindex"/>.</param>
    /// <exception cref="InvalidDataException">An index cannot be that of so many tokens.</exception>
    public static KeyValueCache Restore(AttentionShape shape, int limit, AttentionOptions? sparse, int tokens,
        IKeyValueMemory memory, bool indexes)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, limit);
        KeyValueCache cache = new(shape, limit, sparse);
        try
        {
            for (int block = 0; block < (tokens + BlockTokens - 1) / BlockTokens; block++) cache.Attach(memory.Block(block));
            Parallel.For(0, cache._heads.Length, h =>
            {
                (nint address, long bytes) = sparse is null || !indexes ? default
                    : memory.Index(h / shape.KeyValueHeads, h % shape.KeyValueHeads);
                cache._heads[h].Restore(tokens, address, bytes);
                Interlocked.Add(ref cache._indexBytes, bytes);
            });
        }
        catch (AggregateException e)
        {
            cache.Dispose();
            throw e.Flatten().InnerExceptions[0];
        }
        catch
        {
            cache.Dispose();
            throw;
        }
        return cache;
    }

    /// <summary>A block's bytes, [<see cref="BlockBytes"/>], with zeros where it has no token. Not while another thread appends or attends.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No token is in it.</exception>
    public ReadOnlySpan<byte> ExportBlock(int index)
    {
        RequireMemory();
        int used = _heads[0].Count - (index * BlockTokens);
        if (index < 0 || used <= 0) throw new ArgumentOutOfRangeException(nameof(index), index, "The context has no such block.");
        if (used < BlockTokens)
        {
            // What memory held before must not leave the process.
            int dim = Shape.HeadDim, rows = 2 * _heads.Length;
            for (int row = 0; row < rows; row++)
                Part(index, (((long)row * BlockTokens) + used) * dim, (BlockTokens - used) * dim).Clear();
        }
        return MemoryMarshal.AsBytes(Part(index, 0, checked((int)_blockLength)));
    }

    /// <summary>Frees the memory. Heads must not be used after it.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (NativeArray<Half> block in _memory) block.Dispose();
        _arena.Dispose();
        _scratch.Dispose();
        _count = 0;
    }

    /// <summary>Where block <paramref name="index"/> is in memory; valid until the cache is disposed.</summary>
    internal nint Address(int index) => _addresses[index];

    /// <summary>A part of block <paramref name="index"/>, which holds all layers and heads.</summary>
    internal Span<Half> Part(int index, long start, int length)
    {
        RequireMemory();
        return _blocks[index].Slice(start, length);
    }

    private unsafe void Attach(nint address)
    {
        _blocks[_count] = new NativePart<Half>((Half*)address, _blockLength);
        _addresses[_count++] = address;
    }

    /// <exception cref="ObjectDisposedException">The memory has been freed.</exception>
    internal void RequireMemory() => ObjectDisposedException.ThrowIf(_disposed, this);
}
