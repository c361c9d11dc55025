using System.Buffers.Binary;
using Halfspace.Attention;

namespace Halfspace.Runtime.Saved;

/// <summary>The first page of a saved context's file; see docs/format.md.</summary>
internal sealed record ContextHeader
{
    public const int Bytes = ContextFormat.Page;
    public const int FingerprintBytes = 32;
    private const int ChecksumAt = Bytes - sizeof(ulong);

    public required long FileBytes { get; init; }

    /// <summary>Where the blocks begin.</summary>
    public required long FrontBytes { get; init; }

    public required int Tokens { get; init; }

    public required AttentionShape Shape { get; init; }

    /// <summary>Whether there is an index a head.</summary>
    public required bool HasIndex { get; init; }

    public required int Window { get; init; }

    public required int Clusters { get; init; }

    /// <summary>Tokens of a prompt that ran through the model at once.</summary>
    public required int ChunkTokens { get; init; }

    /// <summary>Leading tokens that were read as a prompt attending densely, in whole chunks from the first token on but for the last chunk.</summary>
    public required int PlainTokens { get; init; }

    /// <summary>Bytes of the texts.</summary>
    public required int TextBytes { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>Of the model's weights.</summary>
    public required byte[] Model { get; init; }

    /// <summary>Of how it reads: rotation, arithmetic, attention function.</summary>
    public required byte[] Reading { get; init; }

    public required ulong ChainChecksum { get; init; }

    /// <summary>Of all between this page and the blocks.</summary>
    public required ulong FrontChecksum { get; init; }

    public int KeyValueBlocks => BlocksOf(Tokens);

    public int IndexBlocks => HasIndex ? Shape.Layers * Shape.KeyValueHeads : 0;

    public int ChainBytes => Tokens / KeyValueCache.BlockTokens * ContextFormat.LinkBytes;

    /// <summary>The front's parts in their order, from this page's end on: chain, tokens, texts, table.</summary>
    public long TokensAt => Bytes + ChainBytes;

    public long TextAt => TokensAt + ((long)Tokens * sizeof(int));

    public long TableAt => TextAt + TextBytes;

    /// <summary>Where the blocks begin, by the sizes of what is before.</summary>
    public long FrontEnd => ContextFormat.ToPage(TableAt + ((KeyValueBlocks + IndexBlocks) * (long)ContextFormat.EntryBytes));

    public static int BlocksOf(int tokens) => (int)(((long)tokens + KeyValueCache.BlockTokens - 1) / KeyValueCache.BlockTokens);

    public byte[] ToPage()
    {
        byte[] page = new byte[Bytes];
        ContextFormat.Magic.CopyTo(page);
        Int(page, 8, ContextFormat.Version);
        Int(page, 12, KeyValueCache.BlockTokens);
        Long(page, 16, FileBytes);
        Long(page, 24, FrontBytes);
        Int(page, 32, Tokens);
        Int(page, 36, Shape.Layers);
        Int(page, 40, Shape.QueryHeads);
        Int(page, 44, Shape.KeyValueHeads);
        Int(page, 48, Shape.HeadDim);
        Int(page, 52, HasIndex ? 1 : 0);
        Int(page, 56, Window);
        Int(page, 60, Clusters);
        Int(page, 64, ChunkTokens);
        Int(page, 68, TextBytes);
        Long(page, 72, Created.ToUnixTimeMilliseconds());
        Model.CopyTo(page, 80);
        Reading.CopyTo(page, 112);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(144), ChainChecksum);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(152), FrontChecksum);
        Int(page, 160, PlainTokens);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(ChecksumAt), ContextFormat.Checksum(page.AsSpan(0, ChecksumAt)));
        return page;
    }

    /// <summary>Reads and checks the page.</summary>
    /// <param name="name">What errors call the file.</param>
    /// <param name="page">The page, or the whole file if that is shorter.</param>
    /// <param name="fileBytes">The file's size.</param>
    /// <exception cref="ModelException">It is none, is damaged, of another version, or does not fit the file.</exception>
    public static ContextHeader Read(string name, ReadOnlySpan<byte> page, long fileBytes)
    {
        if (page.Length < 16 || !page.StartsWith(ContextFormat.Magic))
            throw new ModelException($"{name} is not a saved context; give one that was.");
        int version = Int(page, 8);
        if (version > ContextFormat.Version)
            throw new ModelException($"{name} has version {version} of the format and this program reads {ContextFormat.Version}; "
                + "use a newer Halfspace.");
        if (page.Length < Bytes) throw Cut(name);
        if (version < 1 || BinaryPrimitives.ReadUInt64LittleEndian(page[ChecksumAt..]) != ContextFormat.Checksum(page[..ChecksumAt]))
            throw Damaged(name, "its header");
        if (Long(page, 16) > fileBytes) throw Cut(name);
        try
        {
            ContextHeader header = new()
            {
                FileBytes = Long(page, 16),
                FrontBytes = Long(page, 24),
                Tokens = Int(page, 32),
                Shape = new AttentionShape(Int(page, 36), Int(page, 40), Int(page, 44), Int(page, 48)),
                HasIndex = Int(page, 52) != 0,
                Window = Int(page, 56),
                Clusters = Int(page, 60),
                ChunkTokens = Int(page, 64),
                TextBytes = Int(page, 68),
                Created = DateTimeOffset.FromUnixTimeMilliseconds(Long(page, 72)),
                Model = page.Slice(80, FingerprintBytes).ToArray(),
                Reading = page.Slice(112, FingerprintBytes).ToArray(),
                ChainChecksum = BinaryPrimitives.ReadUInt64LittleEndian(page[144..]),
                FrontChecksum = BinaryPrimitives.ReadUInt64LittleEndian(page[152..]),
                PlainTokens = Int(page, 160),
            };
            bool fits = Int(page, 12) == KeyValueCache.BlockTokens && header.FileBytes == fileBytes
                && header.Tokens > 0 && header.TextBytes >= 0
                && header.ChunkTokens > 0 && header.PlainTokens >= 0 && header.PlainTokens <= header.Tokens
                && (long)header.Shape.Layers * header.Shape.KeyValueHeads <= 1 << 20 && header.FrontEnd == header.FrontBytes
                && header.FrontBytes <= fileBytes && KeyValueCache.BlockBytes(header.Shape) is > 0 and <= int.MaxValue;
            return fits ? header : throw Damaged(name, "its header");
        }
        catch (Exception e) when (e is ArgumentException or OverflowException)
        {
            throw Damaged(name, "its header");
        }
    }

    public static ModelException Damaged(string name, string what) =>
        new($"{name} is damaged: {what} is not as it was written; delete the context and create it again.");

    public static ModelException Cut(string name) => new($"{name} is damaged: its end is missing; delete the context and create it again.");

    private static void Int(Span<byte> page, int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(page[at..], value);

    private static void Long(Span<byte> page, int at, long value) => BinaryPrimitives.WriteInt64LittleEndian(page[at..], value);

    private static int Int(ReadOnlySpan<byte> page, int at) => BinaryPrimitives.ReadInt32LittleEndian(page[at..]);

    private static long Long(ReadOnlySpan<byte> page, int at) => BinaryPrimitives.ReadInt64LittleEndian(page[at..]);
}
