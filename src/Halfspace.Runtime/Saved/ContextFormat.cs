using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Halfspace.Runtime.Saved;

/// <summary>Sizes and checksums of a saved context's file; see docs/format.md.</summary>
internal static class ContextFormat
{
    public const int Version = 1;

    /// <summary>Blocks lie at multiples of it.</summary>
    public const int Page = 4096;

    /// <summary>Bytes of a block's entry in the table.</summary>
    public const int EntryBytes = 24;

    /// <summary>Bytes of a link of the chain of prefixes.</summary>
    public const int LinkBytes = 16;

    public static ReadOnlySpan<byte> Magic => "HALFSCTX"u8;

    public static ulong Checksum(ReadOnlySpan<byte> bytes) => XxHash3.HashToUInt64(bytes);

    public static long ToPage(long bytes) => (bytes + Page - 1) / Page * Page;

    /// <summary>The chain of a text's prefixes: a link a whole block of tokens, which depends on all tokens up to its end and on what read them.</summary>
    public static byte[] Chain(ReadOnlySpan<byte> fingerprint, ReadOnlySpan<int> tokens, int blockTokens)
    {
        int links = tokens.Length / blockTokens;
        byte[] chain = new byte[links * LinkBytes];
        XxHash128 hash = new();
        hash.Append(fingerprint);
        for (int i = 0; i < links; i++)
        {
            hash.Append(MemoryMarshal.AsBytes(tokens.Slice(i * blockTokens, blockTokens)));
            hash.GetCurrentHash(chain.AsSpan(i * LinkBytes, LinkBytes));
        }

        return chain;
    }

    /// <exception cref="PlatformNotSupportedException">The machine's numbers are not the file's.</exception>
    public static void RequireLittleEndian()
    {
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("Saved contexts are little-endian; this machine is not.");
    }
}

/// <summary>Where a block lies in the file, with what fills it up, and its checksum.</summary>
internal readonly record struct BlockEntry(long Offset, long Bytes, ulong Checksum)
{
    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to, Offset);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], Bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], Checksum);
    }

    public static BlockEntry Read(ReadOnlySpan<byte> from) => new(BinaryPrimitives.ReadInt64LittleEndian(from),
        BinaryPrimitives.ReadInt64LittleEndian(from[8..]), BinaryPrimitives.ReadUInt64LittleEndian(from[16..]));
}
