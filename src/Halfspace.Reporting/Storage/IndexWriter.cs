using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Halfspace.Reporting.Storage;

/// <summary>Writes the container of docs/reporting-format.md: sections one after another, the header last.</summary>
internal sealed class IndexWriter
{
    private readonly FileStream _stream;
    private readonly List<(SectionId Id, int ElementSize, long Offset, long Length, uint Checksum)> _sections = [];

    private IndexWriter(FileStream stream) => _stream = stream;

    /// <summary>Writes to a file beside <paramref name="path"/>, then moves it there: a reader never sees half a file.</summary>
    public static void Write(string path, IndexKind kind, int dimension, Action<IndexWriter> content)
    {
        string part = path + ".part";
        try
        {
            using (FileStream stream = new(part, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
            {
                IndexWriter writer = new(stream);
                stream.Position = IndexLayout.HeaderBytes + (IndexLayout.MaxSections * IndexLayout.EntryBytes);
                content(writer);
                writer.Finish(kind, dimension);
            }

            File.Move(part, path, overwrite: true);
        }
        catch
        {
            File.Delete(part);
            throw;
        }
    }

    /// <summary>Writes a section whole.</summary>
    public void Add<T>(SectionId id, ReadOnlySpan<T> values) where T : unmanaged
    {
        Begin<T>(id);
        Append(values);
    }

    /// <summary>Starts a section that <see cref="Append"/> fills.</summary>
    public unsafe void Begin<T>(SectionId id) where T : unmanaged
    {
        if (_sections.Count == IndexLayout.MaxSections) throw new InvalidOperationException("The format has no room for more sections.");
        Align();
        _sections.Add((id, sizeof(T), _stream.Position, 0, 0));
    }

    /// <summary>Appends to the section begun last.</summary>
    public void Append<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("Index files are little-endian; this machine is not.");
        var (id, size, offset, length, checksum) = _sections[^1];
        while (!values.IsEmpty)
        {
            ReadOnlySpan<T> some = values[..Math.Min(values.Length, 1 << 24)];
            ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(some);
            _stream.Write(bytes);
            checksum = IndexLayout.Checksum(checksum, bytes);
            length += bytes.Length;
            values = values[some.Length..];
        }

        _sections[^1] = (id, size, offset, length, checksum);
    }

    /// <summary>Writes a point set.</summary>
    public void AddPoints(PointSet points)
    {
        if (points.IsHalf) Add(SectionId.Halves, points.Halves);
        else Add(SectionId.Floats, points.Floats);
    }

    private void Align()
    {
        long padding = -_stream.Position & (IndexLayout.Alignment - 1);
        for (long i = 0; i < padding; i++) _stream.WriteByte(0);
    }

    private void Finish(IndexKind kind, int dimension)
    {
        Align();
        byte[] head = new byte[IndexLayout.HeaderBytes + (IndexLayout.MaxSections * IndexLayout.EntryBytes)];
        IndexLayout.Magic.CopyTo(head);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8), IndexLayout.Version);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(12), (int)kind);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(16), dimension);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(20), _sections.Count);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(24), _stream.Position);
        for (int i = 0; i < _sections.Count; i++)
        {
            Span<byte> entry = head.AsSpan(IndexLayout.HeaderBytes + (i * IndexLayout.EntryBytes), IndexLayout.EntryBytes);
            BinaryPrimitives.WriteInt32LittleEndian(entry, (int)_sections[i].Id);
            BinaryPrimitives.WriteInt32LittleEndian(entry[4..], _sections[i].ElementSize);
            BinaryPrimitives.WriteInt64LittleEndian(entry[8..], _sections[i].Offset);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], _sections[i].Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], _sections[i].Checksum);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(IndexLayout.ChecksumOffset), IndexLayout.Checksum(0, head));
        _stream.Position = 0;
        _stream.Write(head);
    }
}
