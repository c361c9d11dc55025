using System.Buffers.Binary;
using System.Numerics;

namespace Halfspace.Reporting.Storage;

/// <summary>Sizes and the checksum of the container; see docs/reporting-format.md.</summary>
internal static class IndexLayout
{
    public const int Version = 1;
    public const int HeaderBytes = 64;
    public const int EntryBytes = 32;
    public const int MaxSections = 30;
    public const int Alignment = 64;
    public const int ChecksumOffset = 32;
    public const int MaxDimension = 1 << 20;

    public static ReadOnlySpan<byte> Magic => "HALFSPIX"u8;

    /// <summary>CRC-32C, continued.</summary>
    public static uint Checksum(uint checksum, ReadOnlySpan<byte> bytes)
    {
        uint crc = ~checksum;
        for (; bytes.Length >= 8; bytes = bytes[8..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte b in bytes) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
