using System.Buffers;
using System.Runtime.InteropServices;
using Halfspace.Attention;

namespace Halfspace.Runtime.Saved;

/// <summary>What a saved context is written from.</summary>
/// <param name="Cache">Keys, values and indexes of the tokens.</param>
/// <param name="Index">Window and clusters of the indexes; null if there are none.</param>
/// <param name="Tokens">Token ids.</param>
/// <param name="ChunkTokens">Tokens of a prompt that ran through the model at once.</param>
/// <param name="PlainTokens">As in <see cref="ContextHeader.PlainTokens"/>.</param>
/// <param name="Fingerprint">Of the model and of how it reads.</param>
/// <param name="Texts">Texts to keep.</param>
internal sealed record ContextContent(
    KeyValueCache Cache, AttentionOptions? Index, int[] Tokens, int ChunkTokens, int PlainTokens,
    ModelFingerprint Fingerprint, ContextTexts Texts);

/// <summary>Writes a saved context's file: blocks first, then the front, whose table has their checksums.</summary>
internal static class ContextWriter
{
    /// <summary>Writes to a file's place, whole or not at all.</summary>
    /// <param name="path">The place.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="content">What to write; not changed meanwhile.</param>
    /// <param name="cancellation">Stops between two blocks.</param>
    /// <param name="wrap">What the file is written through, for tests of disks that fail.</param>
    /// <exception cref="ModelException">The file cannot be written; what was there before stays.</exception>
    public static void Write(
        string path, string name, ContextContent content, CancellationToken cancellation, Func<Stream, Stream>? wrap = null)
    {
        ContextFormat.RequireLittleEndian();
        try
        {
            AtomicFile.Write(path, stream => Write(stream, content, cancellation), wrap);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ModelException($"{name} cannot be saved: {FileReason.Of(e)}; what was there before is unchanged.", e);
        }
    }

    private static void Write(Stream stream, ContextContent content, CancellationToken cancellation)
    {
        KeyValueCache cache = content.Cache;
        AttentionShape shape = cache.Shape;
        byte[] text = content.Texts.ToBytes();
        byte[] chain = ContextFormat.Chain(content.Fingerprint.Chained, content.Tokens, KeyValueCache.BlockTokens);
        ContextHeader header = new()
        {
            FileBytes = 0,
            FrontBytes = 0,
            Tokens = content.Tokens.Length,
            Shape = shape,
            HasIndex = content.Index is not null,
            Window = content.Index?.Window ?? 0,
            Clusters = content.Index?.Clusters ?? 0,
            ChunkTokens = content.ChunkTokens,
            PlainTokens = content.PlainTokens,
            TextBytes = text.Length,
            Created = DateTimeOffset.UtcNow,
            Model = content.Fingerprint.Model,
            Reading = content.Fingerprint.Reading,
            ChainChecksum = ContextFormat.Checksum(chain),
            FrontChecksum = 0,
        };
        BlockEntry[] blocks = new BlockEntry[header.KeyValueBlocks + header.IndexBlocks];
        long end = header.FrontEnd;
        stream.Position = end;
        ArrayBufferWriter<byte> index = new();
        for (int i = 0; i < blocks.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            index.ResetWrittenCount();
            int head = i - header.KeyValueBlocks;
            if (head >= 0) cache[head / shape.KeyValueHeads, head % shape.KeyValueHeads].ExportIndex(index);
            else index.Write(cache.ExportBlock(i));
            index.Write(new byte[(int)(ContextFormat.ToPage(index.WrittenCount) - index.WrittenCount)]);
            stream.Write(index.WrittenSpan);
            blocks[i] = new BlockEntry(end, index.WrittenCount, ContextFormat.Checksum(index.WrittenSpan));
            end += index.WrittenCount;
        }

        byte[] front = new byte[header.FrontEnd - ContextHeader.Bytes];
        chain.CopyTo(front, 0);
        MemoryMarshal.AsBytes<int>(content.Tokens).CopyTo(front.AsSpan((int)(header.TokensAt - ContextHeader.Bytes)));
        text.CopyTo(front, header.TextAt - ContextHeader.Bytes);
        for (int i = 0; i < blocks.Length; i++)
            blocks[i].Write(front.AsSpan((int)(header.TableAt - ContextHeader.Bytes) + (i * ContextFormat.EntryBytes)));
        header = header with { FileBytes = end, FrontBytes = header.FrontEnd, FrontChecksum = ContextFormat.Checksum(front) };
        stream.Position = 0;
        stream.Write(header.ToPage());
        stream.Write(front);
    }
}
