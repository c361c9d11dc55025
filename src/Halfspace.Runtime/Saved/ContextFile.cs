using System.IO.MemoryMappedFiles;
using Halfspace.Attention;

namespace Halfspace.Runtime.Saved;

/// <summary>A saved context's file, mapped so that what is written stays this process's own. Its front is checked on opening, its blocks by
/// <see cref="Verify"/>, before which nobody may look at them.</summary>
/// <remarks>Files are only ever replaced as a whole; one that somebody cuts short while it is open ends the process, as with any mapped file.</remarks>
internal sealed unsafe class ContextFile : IKeyValueMemory, IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    private ContextFile(string name, FileStream stream)
    {
        Name = name;
        Front = ContextFront.Read(name, stream);
        _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.CopyOnWrite,
            HandleInheritability.None, leaveOpen: true);
        try
        {
            _view = _map.CreateViewAccessor(0, Header.FileBytes, MemoryMappedFileAccess.CopyOnWrite);
        }
        catch
        {
            _map.Dispose();
            throw;
        }

        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    /// <summary>What errors call it.</summary>
    public string Name { get; }

    public ContextFront Front { get; }

    public ContextHeader Header => Front.Header;

    /// <summary>Opens and maps a file; none of its blocks is read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">What errors call it; null for the path.</param>
    /// <exception cref="ModelException">There is no such file, or it is no sound saved context.</exception>
    public static ContextFile Open(string path, string? name = null)
    {
        name ??= path;
        using FileStream stream = ContextFront.OpenFile(path, name);
        try
        {
            return new ContextFile(name, stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"{name} cannot be mapped: {FileReason.Of(e)}.", e);
        }
    }

    /// <summary>Compares every block with its checksum.</summary>
    /// <exception cref="ModelException">A block is damaged; the message names the first one.</exception>
    public void Verify(CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        int damaged = int.MaxValue;
        Parallel.For(0, Front.Blocks.Length, new ParallelOptions { CancellationToken = cancellation }, i =>
        {
            BlockEntry block = Front.Blocks[i];
            if (ContextFormat.Checksum(new ReadOnlySpan<byte>(_start + block.Offset, checked((int)block.Bytes))) == block.Checksum) return;
            for (int seen = damaged; i < seen; seen = damaged) Interlocked.CompareExchange(ref damaged, i, seen);
        });
        if (damaged != int.MaxValue) throw ContextHeader.Damaged(Name, BlockName(damaged));
    }

    /// <inheritdoc/>
    public nint Block(int index) => At(Front.Blocks[index]);

    /// <inheritdoc/>
    public (nint Address, long Bytes) Index(int layer, int head)
    {
        if (!Header.HasIndex) return default;
        BlockEntry block = Front.Blocks[Header.KeyValueBlocks + (layer * Header.Shape.KeyValueHeads) + head];
        return (At(block), block.Bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_start is null) return;
        _start = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }

    private nint At(BlockEntry block)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        return (nint)(_start + block.Offset);
    }

    private string BlockName(int index)
    {
        const int Tokens = KeyValueCache.BlockTokens;
        int head = index - Header.KeyValueBlocks, heads = Header.Shape.KeyValueHeads;
        return head < 0
            ? $"block {index}, keys and values of the tokens {(long)index * Tokens} "
                + $"to {Math.Min(((long)index + 1) * Tokens, Header.Tokens) - 1},"
            : $"block {index}, the index of layer {head / heads}, head {head % heads},";
    }
}
