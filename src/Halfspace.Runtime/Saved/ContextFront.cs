using System.Runtime.InteropServices;
using Halfspace.Attention;

namespace Halfspace.Runtime.Saved;

/// <summary>All of a saved context's file but its blocks, read and checked.</summary>
internal sealed record ContextFront(ContextHeader Header, byte[] Chain, int[] Tokens, ContextTexts Texts, BlockEntry[] Blocks)
{
    /// <summary>Reads it from a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="ModelException">There is no such file, it cannot be read, or it is no sound saved context.</exception>
    public static ContextFront Read(string path, string name)
    {
        using FileStream stream = OpenFile(path, name);
        return Read(name, stream);
    }

    /// <summary>Reads it from an open file.</summary>
    /// <exception cref="ModelException">It is no sound saved context, or cannot be read.</exception>
    public static ContextFront Read(string name, FileStream stream) => Guard(name, () =>
    {
        ContextHeader header = ReadHeader(name, stream);
        byte[] front = new byte[checked((int)(header.FrontBytes - ContextHeader.Bytes))];
        stream.ReadExactly(front);
        if (ContextFormat.Checksum(front) != header.FrontChecksum) throw ContextHeader.Damaged(name, "its token list or table");
        int At(long offset) => (int)(offset - ContextHeader.Bytes);
        int[] tokens = MemoryMarshal.Cast<byte, int>(front.AsSpan(At(header.TokensAt), header.Tokens * sizeof(int))).ToArray();
        BlockEntry[] blocks = new BlockEntry[header.KeyValueBlocks + header.IndexBlocks];
        long expected = header.FrontBytes, keyValueBytes = ContextFormat.ToPage(KeyValueCache.BlockBytes(header.Shape));
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = BlockEntry.Read(front.AsSpan(At(header.TableAt) + (i * ContextFormat.EntryBytes)));
            bool fits = blocks[i].Offset == expected && blocks[i].Bytes > 0 && blocks[i].Bytes <= header.FileBytes - expected
                && blocks[i].Bytes % ContextFormat.Page == 0 && (i >= header.KeyValueBlocks || blocks[i].Bytes == keyValueBytes);
            if (!fits) throw ContextHeader.Damaged(name, "its table");
            expected += blocks[i].Bytes;
        }

        if (expected != header.FileBytes) throw ContextHeader.Damaged(name, "its table");
        ContextTexts texts = ContextTexts.Read(name, front.AsSpan(At(header.TextAt), header.TextBytes).ToArray());
        return new ContextFront(header, front[..header.ChainBytes], tokens, texts, blocks);
    });

    /// <summary>Reads only what prefixes are found by.</summary>
    /// <exception cref="ModelException">It is no sound saved context, or cannot be read.</exception>
    public static (ContextHeader Header, byte[] Chain) ReadChain(string path)
    {
        using FileStream stream = OpenFile(path, path);
        return Guard(path, () =>
        {
            ContextHeader header = ReadHeader(path, stream);
            byte[] chain = new byte[header.ChainBytes];
            stream.ReadExactly(chain);
            return ContextFormat.Checksum(chain) == header.ChainChecksum ? (header, chain)
                : throw ContextHeader.Damaged(path, "its chain of prefixes");
        });
    }

    /// <exception cref="ModelException">There is no such file, or it cannot be read.</exception>
    public static FileStream OpenFile(string path, string name)
    {
        ContextFormat.RequireLittleEndian();
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelException($"There is no saved context {name}; check its name.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ModelException($"{name} cannot be read: {FileReason.Of(e)}.", e);
        }
    }

    private static ContextHeader ReadHeader(string name, FileStream stream)
    {
        byte[] page = new byte[ContextHeader.Bytes];
        int read = stream.ReadAtLeast(page, page.Length, throwOnEndOfStream: false);
        return ContextHeader.Read(name, page.AsSpan(0, read), stream.Length);
    }

    private static T Guard<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is EndOfStreamException or OverflowException)
        {
            throw ContextHeader.Cut(name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ModelException($"{name} cannot be read: {FileReason.Of(e)}.", e);
        }
    }
}
