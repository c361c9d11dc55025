using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;

namespace Halfspace.Reporting.Storage;

/// <summary>A mapped container whose header, sizes and checksums have been checked. Sections are read where they lie.</summary>
internal sealed unsafe class IndexReader : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Dictionary<SectionId, (int ElementSize, long Offset, long Length)> _sections = [];
    private readonly byte* _start;
    private bool _disposed;

    private IndexReader(string path)
    {
        Path = path;
        long length = new FileInfo(path).Length;
        if (length < HeadBytes) throw Bad($"it has {length} bytes, fewer than a header");
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
        try
        {
            CheckHeader(length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file, for messages.</summary>
    public string Path { get; }

    /// <summary>What the file holds.</summary>
    public IndexKind Kind { get; private set; }

    /// <summary>d.</summary>
    public int Dimension { get; private set; }

    private static int HeadBytes => IndexLayout.HeaderBytes + (IndexLayout.MaxSections * IndexLayout.EntryBytes);

    /// <summary>Maps and checks a file.</summary>
    /// <exception cref="InvalidDataException">It is not an index, is cut short or damaged; the sentence says which.</exception>
    public static IndexReader Open(string path) => new(path);

    /// <summary>A sentence about this file.</summary>
    public InvalidDataException Bad(string why) => new($"'{Path}' is not a usable Halfspace index: {why}. Save the index again.");

    /// <summary>True where the section exists.</summary>
    public bool Has(SectionId id) => _sections.ContainsKey(id);

    /// <summary>The section's elements, in the mapped file.</summary>
    public ReadOnlyMemory<T> Memory<T>(SectionId id) where T : unmanaged
    {
        if (!_sections.TryGetValue(id, out var section)) throw Bad($"section {id} is missing");
        if (section.ElementSize != sizeof(T)) throw Bad($"section {id} has elements of {section.ElementSize} bytes where {sizeof(T)} are due");
        return new NativeMemoryManager<T>((T*)(_start + section.Offset), (int)(section.Length / sizeof(T))).Memory;
    }

    /// <summary>The section's elements, which must be <paramref name="count"/>.</summary>
    public ReadOnlyMemory<T> Memory<T>(SectionId id, long count) where T : unmanaged
    {
        ReadOnlyMemory<T> memory = Memory<T>(id);
        return memory.Length == count ? memory : throw Bad($"section {id} has {memory.Length} elements where {count} are due");
    }

    /// <summary>The section's elements, copied.</summary>
    public T[] Array<T>(SectionId id) where T : unmanaged => Memory<T>(id).ToArray();

    /// <summary>The points, in the mapped file; float or float16 as they were saved.</summary>
    public PointSet Points()
    {
        try
        {
            return Has(SectionId.Halves)
                ? PointSet.From(Memory<Half>(SectionId.Halves), Dimension)
                : PointSet.From(Memory<float>(SectionId.Floats), Dimension);
        }
        catch (ArgumentException e)
        {
            throw Bad($"its points are damaged ({e.Message})");
        }
    }

    /// <summary>The whole numbers of the kind, which must be <paramref name="count"/>.</summary>
    public long[] Numbers(int count) => Memory<long>(SectionId.Numbers, count).ToArray();

    /// <summary>Ids that must ascend within 0 .. limit−1.</summary>
    public int[] Ascending(SectionId id, int limit)
    {
        int[] ids = Array<int>(id);
        int last = -1;
        foreach (int value in ids)
        {
            if (value <= last || value >= limit) throw Bad($"section {id} has id {value} after {last} where ids ascend below {limit}");
            last = value;
        }

        return ids;
    }

    /// <summary>A permutation of 0 .. count−1.</summary>
    public int[] Permutation(SectionId id, int count)
    {
        int[] values = Memory<int>(id, count).ToArray();
        bool[] seen = new bool[count];
        foreach (int value in values)
        {
            if ((uint)value >= (uint)count || seen[value]) throw Bad($"section {id} names row {value} twice or beyond {count} rows");
            seen[value] = true;
        }

        return values;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private void CheckHeader(long length)
    {
        byte[] head = new ReadOnlySpan<byte>(_start, HeadBytes).ToArray();
        if (!head.AsSpan(0, 8).SequenceEqual(IndexLayout.Magic)) throw Bad("it does not begin as one");
        int version = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(8));
        if (version != IndexLayout.Version) throw Bad($"its format is version {version}; this program reads version {IndexLayout.Version}");
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(IndexLayout.ChecksumOffset));
        head.AsSpan(IndexLayout.ChecksumOffset, 4).Clear();
        if (checksum != IndexLayout.Checksum(0, head)) throw Bad("its header is damaged");
        Kind = (IndexKind)BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(12));
        Dimension = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(16));
        int count = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(20));
        long written = BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(24));
        if (written != length) throw Bad($"it has {length} bytes where its header says {written}");
        if (Dimension is < 1 or > IndexLayout.MaxDimension) throw Bad($"its dimension is {Dimension}");
        if (count is < 0 or > IndexLayout.MaxSections) throw Bad($"it has {count} sections");
        for (int i = 0; i < count; i++) CheckSection(head.AsSpan(IndexLayout.HeaderBytes + (i * IndexLayout.EntryBytes), IndexLayout.EntryBytes), length);
    }

    private void CheckSection(ReadOnlySpan<byte> entry, long fileLength)
    {
        SectionId id = (SectionId)BinaryPrimitives.ReadInt32LittleEndian(entry);
        int size = BinaryPrimitives.ReadInt32LittleEndian(entry[4..]);
        long offset = BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), length = BinaryPrimitives.ReadInt64LittleEndian(entry[16..]);
        if (size is not (1 or 2 or 4 or 8)) throw Bad($"section {id} has elements of {size} bytes");
        if (offset < HeadBytes || offset % IndexLayout.Alignment != 0 || length < 0 || length > fileLength - offset)
            throw Bad($"section {id} lies outside the file");
        if (length % size != 0 || length / size > int.MaxValue) throw Bad($"section {id} has {length} bytes");
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]), actual = 0;
        for (long done = 0; done < length;)
        {
            int some = (int)Math.Min(length - done, 1 << 24);
            actual = IndexLayout.Checksum(actual, new ReadOnlySpan<byte>(_start + offset + done, some));
            done += some;
        }

        if (actual != checksum) throw Bad($"section {id} is damaged");
        if (!_sections.TryAdd(id, (size, offset, length))) throw Bad($"section {id} is there twice");
    }
}
