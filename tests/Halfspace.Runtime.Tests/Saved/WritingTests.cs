using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Halfspace.Attention;
using Halfspace.Runtime.Saved;

namespace Halfspace.Runtime.Tests.Saved;

/// <summary>Writers that die or meet a full disk.</summary>
public sealed class WritingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder.File("a");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_writer_killed_at_any_moment_leaves_a_whole_file()
    {
        const int Kills = 200, Lanes = 2;
        await Task.WhenAll(Enumerable.Range(0, Lanes).Select(lane => Task.Run(async () =>
        {
            Random random = new(lane);
            string folder = Directory.CreateDirectory(_folder.File($"lane{lane}")).FullName, path = Path.Combine(folder, "a");
            int leftovers = 0;
            for (int i = 0; i < Kills / Lanes; i++)
            {
                int saved = await SaveUntilKilledAsync(path, random);
                // What it said was saved is there, or what came after it.
                Assert.InRange(Whole(path), saved, SaverProcess.Last);
                leftovers += Directory.GetFiles(folder).Length - 1;
                Assert.InRange(Directory.GetFiles(folder).Length, 1, 2);
            }

            // Some were killed while they wrote, and the next writer has removed what they left.
            Assert.True(leftovers > 0, "no writer was killed while writing");
            Save(path, 7);
            Assert.Equal([path], Directory.GetFiles(folder));
            Assert.Equal(7, Whole(path));
        })));
    }

    [Fact]
    public void A_disk_that_is_full_at_any_byte_leaves_the_old_file_or_none()
    {
        Save(FilePath, 1);
        long size = new FileInfo(FilePath).Length;
        long[] rooms = [0, 1, 4095, 4096, 4097, size / 3, size / 2, size - 4097, size - 1];
        using Content two = new(2);
        string other = _folder.File("b");
        foreach (long room in rooms.Concat(Enumerable.Range(0, 60).Select(i => size * i / 60)))
        {
            foreach (string path in (string[])[FilePath, other])
            {
                ModelException e = Assert.Throws<ModelException>(
                    () => ContextWriter.Write(path, path, two.Value, CancellationToken.None, stream => new FullDisk(stream, room)));
                Assert.Contains("No space left", e.Message, StringComparison.Ordinal);
            }

            Assert.Equal([FilePath], Directory.GetFiles(_folder.Path));
            Assert.Equal(1, Whole(FilePath));
        }

        ContextWriter.Write(FilePath, FilePath, two.Value, CancellationToken.None, stream => new FullDisk(stream, size));
        Assert.Equal(2, Whole(FilePath));
    }

    [Fact]
    public void A_cancelled_writer_leaves_the_old_file()
    {
        Save(FilePath, 1);
        using Content two = new(2);
        using CancellationTokenSource cancellation = new();
        Assert.ThrowsAny<OperationCanceledException>(() => ContextWriter.Write(FilePath, FilePath, two.Value, cancellation.Token, stream =>
        {
            cancellation.Cancel();
            return stream;
        }));
        Assert.Equal([FilePath], Directory.GetFiles(_folder.Path));
        Assert.Equal(1, Whole(FilePath));
    }

    [Fact]
    public void Writers_and_readers_of_one_file_see_whole_files()
    {
        Save(FilePath, 1);
        Parallel.For(0, 60, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            if (i % 2 == 0) Save(FilePath, i + 1);
            else Whole(FilePath);
        });
        Assert.Equal([FilePath], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void What_memory_held_before_is_not_written()
    {
        using KeyValueCache cache = new(new AttentionShape(1, 1, 1, 8), 256);
        cache.Reserve(256);
        float[] secret = new float[256 * 8];
        Array.Fill(secret, 42);
        cache[0, 0].Append(secret, 8, secret, 8, 256);
        cache.Rewind(100);
        ReadOnlySpan<Half> numbers = MemoryMarshal.Cast<byte, Half>(cache.ExportBlock(0));
        for (int i = 0; i < numbers.Length; i++) Assert.Equal((Half)(i / 8 % 256 < 100 ? 42 : 0), numbers[i]);
    }

    /// <summary>Starts a writer, lets it save a few, kills it somewhere in the next one, and returns the last that it said was saved.</summary>
    private static async Task<int> SaveUntilKilledAsync(string path, Random random)
    {
        using Process process = SaverProcess.Start(path);
        try
        {
            // How long a save takes, which is between a millisecond and seconds as disks and their load differ, says when.
            int saved = 0;
            TimeSpan pace = TimeSpan.Zero;
            for (int i = 0; i < 3; i++)
            {
                long start = Stopwatch.GetTimestamp();
                string? line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
                Assert.True(line is not null, "the writer ended by itself");
                saved = int.Parse(line, CultureInfo.InvariantCulture);
                pace = Stopwatch.GetElapsedTime(start);
            }

            await Task.Delay(pace * random.NextDouble(), TestContext.Current.CancellationToken);
            return saved;
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static void Save(string path, int which)
    {
        using Content content = new(which);
        ContextWriter.Write(path, path, content.Value, CancellationToken.None);
    }

    /// <summary>Which context a file holds, after every number of it was looked at.</summary>
    private static int Whole(string path)
    {
        using ContextFile file = ContextFile.Open(path);
        file.Verify();
        int which = file.Front.Tokens[0];
        Assert.All(file.Front.Tokens, token => Assert.Equal(which, token));
        Assert.Equal(SaverProcess.Tokens, file.Front.Tokens.Length);
        for (int block = 0; block < file.Header.KeyValueBlocks; block++)
        {
            int tokens = Math.Min(KeyValueCache.BlockTokens, SaverProcess.Tokens - (block * KeyValueCache.BlockTokens));
            foreach (int part in (int[])[0, KeyValueCache.BlockTokens])
                Assert.False(Rows(file, block, part, tokens).ContainsAnyExcept((Half)which), $"block {block} is not of context {which}");
        }

        return which;
    }

    private static unsafe ReadOnlySpan<Half> Rows(ContextFile file, int block, int first, int count) =>
        new((Half*)file.Block(block) + (first * SaverProcess.Dim), count * SaverProcess.Dim);

    private sealed class Content(int which) : IDisposable
    {
        public ContextContent Value { get; } = SaverProcess.Content(which);

        public void Dispose() => Value.Cache.Dispose();
    }

    /// <summary>A file that takes so many bytes and no more.</summary>
    private sealed class FullDisk(Stream file, long room) : Stream
    {
        private long _left = room;

        public override bool CanRead => false;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => file.Length;

        public override long Position
        {
            get => file.Position;
            set => file.Position = value;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            int taken = (int)Math.Min(_left, buffer.Length);
            file.Write(buffer[..taken]);
            _left -= taken;
            if (taken < buffer.Length) throw new IOException("No space left on device");
        }

        public override void Flush() => file.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

        public override void SetLength(long value) => file.SetLength(value);
    }
}
