using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Halfspace.Reporting.Tests;

/// <summary>The bytes of a saved index, by docs/reporting-format.md.</summary>
internal sealed class IndexFile(byte[] bytes)
{
    private const int HeaderBytes = 64, EntryBytes = 32, HeadBytes = HeaderBytes + (30 * EntryBytes), Checksum = 32;

    public byte[] Bytes => bytes;

    /// <summary>Sections named in the header.</summary>
    public int Sections => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(20));

    public static IndexFile Of(HalfspaceIndex index)
    {
        using Oracle.TemporaryFile file = new();
        index.Save(file.Path);
        return new(File.ReadAllBytes(file.Path));
    }

    public Span<byte> Entry(int section) => bytes.AsSpan(HeaderBytes + (section * EntryBytes), EntryBytes);

    /// <summary>The ints of the section with an id.</summary>
    public Span<int> Ints(int id)
    {
        for (int i = 0; i < Sections; i++)
        {
            Span<byte> entry = Entry(i);
            if (BinaryPrimitives.ReadInt32LittleEndian(entry) != id) continue;
            int offset = (int)BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), length = (int)BinaryPrimitives.ReadInt64LittleEndian(entry[16..]);
            return MemoryMarshal.Cast<byte, int>(bytes.AsSpan(offset, length));
        }

        throw new InvalidDataException($"There is no section {id}.");
    }

    /// <summary>Sets all checksums, of sections that lie within the file.</summary>
    public void Seal()
    {
        for (int i = 0; i < Math.Min(Sections, 30); i++)
        {
            Span<byte> entry = Entry(i);
            long offset = BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), length = BinaryPrimitives.ReadInt64LittleEndian(entry[16..]);
            if (offset < 0 || length < 0 || length > bytes.Length - offset) continue;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], Crc(bytes.AsSpan((int)offset, (int)length)));
        }

        bytes.AsSpan(Checksum, 4).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(Checksum), Crc(bytes.AsSpan(0, HeadBytes)));
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
