using System.Buffers;
using System.IO.MemoryMappedFiles;

namespace Halfspace.Runtime.Gguf;

/// <summary>
/// A model file in the GGUF format, version 2 or 3 in little-endian order, mapped into memory. Opening checks every count, length, offset
/// and dimension against the file; what it allocates is bounded by a small multiple of the header. Safe for concurrent readers until it is
/// disposed; a file that is cut short by someone else while it is open ends the process, as with any mapped file.
/// </summary>
/// <remarks>Format: docs/gguf.md of the ggml project.</remarks>
public sealed unsafe class GgufFile : IDisposable
{
    internal const string AlignmentKey = "general.alignment";
    internal const int DefaultAlignment = 32, DeepestArray = 8;

    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private MemoryHandle _pin;
    private byte* _start;

    private GgufFile(string name, FileStream stream, long length)
    {
        Name = name;
        Length = length;
        _map = MemoryMappedFile.CreateFromFile(stream, null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, true);
        try
        {
            _view = _map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        }
        catch
        {
            _map.Dispose();
            throw;
        }

        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    private GgufFile(string name, ReadOnlyMemory<byte> bytes)
    {
        Name = name;
        Length = bytes.Length;
        _pin = bytes.Pin();
        _start = (byte*)_pin.Pointer;
    }

    /// <summary>The path that was opened, or the name given with bytes in memory; errors begin with it.</summary>
    public string Name { get; }

    /// <summary>The size of the file in bytes.</summary>
    public long Length { get; }

    /// <summary>The version of the format: 2 or 3.</summary>
    public uint Version { get; private set; }

    /// <summary>What the tensors' offsets are multiples of, in bytes.</summary>
    public int Alignment { get; private set; }

    /// <summary>The key–value pairs.</summary>
    public GgufMetadata Metadata { get; private set; } = null!;

    /// <summary>The tensors by name, in the file's order.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors { get; private set; } = null!;

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="GgufException">
    /// There is no such file, it cannot be read, or it is not a sound GGUF file of version 2 or 3.
    /// </exception>
    public static GgufFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        GgufFile file;
        try
        {
            if (path.Length == 0) throw new GgufException("The path of the model is empty; give a model's GGUF file.");
            if (Directory.Exists(path)) throw new GgufException($"{path}: this is a directory; give a model's GGUF file.");
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            if (!stream.CanSeek) throw new GgufException($"{path}: this is not a file on a disk; copy the model to a file first.");
            long length = stream.Length;
            if (length == 0) return Parsed(new GgufFile(path, ReadOnlyMemory<byte>.Empty));
            file = new GgufFile(path, stream, length);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new GgufException($"{path}: there is no such file; check the path of the model.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or System.Security.SecurityException)
        {
            throw new GgufException($"{path}: the file may not be read; change its permissions or give another model.", e);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new GgufException($"The path {GgufText.Quote(path)} cannot be that of a file; check the path of the model.", e);
        }
        catch (IOException e)
        {
            throw new GgufException($"{path}: the file cannot be opened ({e.Message.TrimEnd('.')}); check the path of the model.", e);
        }

        return Parsed(file);
    }

    /// <summary>Checks a file that is in memory already, which is pinned until the result is disposed.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="GgufException">It is not a sound GGUF file of version 2 or 3.</exception>
    public static GgufFile Read(ReadOnlyMemory<byte> bytes, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Parsed(new GgufFile(name, bytes));
    }

    /// <summary>Closes the file. Spans and pointers into it must no longer be used.</summary>
    public void Dispose()
    {
        _start = null;
        _pin.Dispose();
        if (_view is null || _view.SafeMemoryMappedViewHandle.IsClosed) return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map!.Dispose();
    }

    internal byte* At(long offset)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        return _start + offset;
    }

    internal ReadOnlySpan<byte> Bytes(long offset, int count) => new(At(offset), count);

    internal GgufReader Reader() => new(Name, At(0), Length);

    private static GgufFile Parsed(GgufFile file)
    {
        try
        {
            GgufParser parser = new(file, new GgufReader(file.Name, file._start, file.Length));
            parser.Parse();
            file.Version = parser.Version;
            file.Alignment = parser.Alignment;
            file.Metadata = parser.Metadata;
            file.Tensors = parser.Tensors;
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
