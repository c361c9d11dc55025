using System.Buffers.Binary;
using Halfspace.Runtime.Saved;

namespace Halfspace.Runtime.Tests.Saved;

/// <summary>Files that are not as they were written.</summary>
public sealed class DamageTests(SavedModels models) : IClassFixture<SavedModels>, IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private byte[] _file = [];
    private long? _flipped;

    private string FilePath => _folder.File("a");

    public async ValueTask InitializeAsync()
    {
        using ModelContext context = models.Model.CreateContext(SavedContextTests.Options(0));
        context.Read(SavedContextTests.Text.AsSpan(0, 2300), null, TestContext.Current.CancellationToken);
        await context.SaveAsync(FilePath, new ContextDocument(null, "text"));
        _file = await File.ReadAllBytesAsync(FilePath);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void A_flip_in_any_block_is_found_before_a_token_is_read_and_the_block_is_named()
    {
        Random random = new(1);
        BlockEntry[] blocks = ContextFront.Read(FilePath, FilePath).Blocks;
        // Nine blocks of keys and values, and the index of two layers' two heads.
        Assert.Equal(9 + 4, blocks.Length);
        for (int i = 0; i < blocks.Length; i++)
        {
            Flip(blocks[i].Offset + random.NextInt64(blocks[i].Bytes), random.Next(8));
            using ModelContext context = models.Model.OpenContext(FilePath, SavedContextTests.Options(0));
            ModelException e = Assert.Throws<ModelException>(() => context.Read([1], null, TestContext.Current.CancellationToken));
            Assert.Contains($"block {i},", e.Message, StringComparison.Ordinal);
            Assert.Equal(2300, context.Count);
            Assert.Throws<ModelException>(() => context.ReadOne(1, TestContext.Current.CancellationToken));
            Assert.Throws<ModelException>(() => context.Rewind(10));
        }
    }

    [Fact]
    public void A_flip_in_any_page_is_found()
    {
        Random random = new(2);
        for (long page = 0; page < _file.Length; page += ContextFormat.Page)
        {
            Flip(page + random.Next(ContextFormat.Page), random.Next(8));
            Assert.Throws<ModelException>(Verified);
        }
    }

    [Fact]
    public void A_flip_in_any_byte_of_the_front_is_found_on_opening()
    {
        long front = ContextFront.Read(FilePath, FilePath).Header.FrontBytes;
        for (long at = 0; at < front; at += at < 256 || at >= ContextFormat.Page ? 1 : 7)
        {
            Flip(at, (int)(at % 8));
            Assert.Throws<ModelException>(() => ContextFront.Read(FilePath, FilePath));
        }
    }

    [Fact]
    public void A_file_that_was_cut_or_grew_is_refused()
    {
        for (int length = 0; length < _file.Length; length += length < 200 ? 1 : 4111)
        {
            File.WriteAllBytes(FilePath, _file[..length]);
            SavedContextTests.Refused(length < 16 ? "not a saved context" : "end is missing", () => ContextFile.Open(FilePath));
        }

        File.WriteAllBytes(FilePath, [.. _file, 0]);
        SavedContextTests.Refused("damaged", () => ContextFile.Open(FilePath));
    }

    [Fact]
    public void A_newer_version_is_named()
    {
        BinaryPrimitives.WriteInt32LittleEndian(_file.AsSpan(8), 2);
        File.WriteAllBytes(FilePath, _file);
        SavedContextTests.Refused("version 2", () => models.Model.OpenContext(FilePath));
    }

    [Fact]
    public void Whole_files_with_senseless_numbers_are_refused()
    {
        // Sound checksums over numbers that cannot be: what an enemy writes, not a failing disk.
        Random random = new(3);
        byte[] sound = _file[..ContextFormat.Page];
        for (int round = 0; round < 400; round++)
        {
            byte[] page = [.. sound];
            int at = 8 + (4 * random.Next(17));
            BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(at), random.Next(4) switch
            {
                0 => int.MaxValue,
                1 => -1,
                2 => BinaryPrimitives.ReadInt32LittleEndian(page.AsSpan(at)) ^ (1 << random.Next(31)),
                _ => 0,
            });
            BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(^8), ContextFormat.Checksum(page.AsSpan(0, ContextFormat.Page - 8)));
            page.CopyTo(_file.AsSpan());
            File.WriteAllBytes(FilePath, _file);
            try
            {
                using ModelContext context = models.Model.OpenContext(FilePath, SavedContextTests.Options(0));
                context.Read([1], null, TestContext.Current.CancellationToken);
            }
            catch (ModelException)
            {
            }
        }
    }

    private object? Verified()
    {
        using ContextFile file = ContextFile.Open(FilePath);
        file.Verify();
        return null;
    }

    /// <summary>The file with one bit wrong.</summary>
    private void Flip(long at, int bit)
    {
        using FileStream stream = new(FilePath, FileMode.Open, FileAccess.ReadWrite);
        if (_flipped is { } last) Put(stream, last, _file[last]);
        Put(stream, at, (byte)(_file[at] ^ (1 << bit)));
        _flipped = at;
    }

    private static void Put(FileStream stream, long at, byte value)
    {
        stream.Position = at;
        stream.WriteByte(value);
    }
}
