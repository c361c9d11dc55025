namespace Halfspace.Attention.Tests;

public sealed class KeyValueCacheTests
{
    private static readonly AttentionShape Shape = new(2, 6, 2, 16);

    [Fact]
    public void Memory_grows_by_blocks_up_to_the_limit_and_is_counted()
    {
        using KeyValueCache cache = new(Shape, 600);
        Assert.Equal(2 * 2 * 16 * 2 * 2, KeyValueCache.BytesPerToken(Shape));
        Assert.Equal((0, 0L), (cache.Capacity, cache.AllocatedBytes));
        cache.Reserve(1);
        Assert.Equal((256, 256 * KeyValueCache.BytesPerToken(Shape)), (cache.Capacity, cache.AllocatedBytes));
        cache.Reserve(257);
        cache.Reserve(3);
        Assert.Equal((512, 512 * KeyValueCache.BytesPerToken(Shape)), (cache.Capacity, cache.AllocatedBytes));
        cache.Reserve(600);
        Assert.Equal((600, 768 * KeyValueCache.BytesPerToken(Shape)), (cache.Capacity, cache.AllocatedBytes));
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => cache.Reserve(601));
        Assert.Contains("601 tokens do not fit in a context of 600.", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Reserve(-1));
    }

    [Fact]
    public void A_context_counts_its_index()
    {
        Case data = Case.Random(64, 1, 2400, seed: 1);
        using KeyValueCache plain = data.Cache(), indexed = data.Sparse(new AttentionOptions());
        // An arena grows by whole large pages.
        Assert.InRange(indexed.AllocatedBytes - plain.AllocatedBytes, 1 << 20, 4 << 20);
        // 38 bytes of sketch for 256 of key and value.
        Assert.InRange(Halfspace.Kernels.Reporting.KeyBlocks.Bytes(64) / 64.0 / 256, 0.1, 0.15);
    }

    [Fact]
    public void Heads_hold_their_own_tokens_rounded_to_float16()
    {
        using KeyValueCache cache = new(Shape, 600);
        cache.Reserve(600);
        Random random = new(1);
        Dictionary<(int, int), float[]> written = [];
        for (int layer = 0; layer < 2; layer++)
        {
            for (int head = 0; head < 2; head++)
            {
                float[] rows = new float[600 * 40];
                for (int i = 0; i < rows.Length; i++) rows[i] = random.NextSingle() * 100;
                written[(layer, head)] = rows;
                int done = 0;
                foreach (int count in (int[])[1, 254, 2, 300, 0, 43])
                {
                    cache[layer, head].Append(rows.AsSpan(done * 40), 40, rows.AsSpan((done * 40) + 20), 40, count);
                    done += count;
                }
                Assert.Equal(600, cache[layer, head].Count);
            }
        }
        foreach (((int layer, int head), float[] rows) in written)
        {
            // A query of zeros averages all values; one that a key answers far above the rest gives that key's value.
            float[] query = new float[16], output = new float[16];
            using AttentionScratch scratch = new();
            new HeadAttention(new AttentionOptions { Mode = AttentionMode.Dense })
                .Attend(cache[layer, head], query, 16, 1, 1, 599, output, 16, scratch);
            for (int c = 0; c < 16; c++)
            {
                double mean = Enumerable.Range(0, 600).Average(i => (double)(Half)rows[(i * 40) + 20 + c]);
                Assert.Equal(mean, output[c], 1e-3);
            }
        }
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "∞")]
    [InlineData(65520f, "65520")]
    public void A_row_that_float16_cannot_hold_is_named_and_nothing_changes(float bad, string shown)
    {
        using KeyValueCache cache = new(Shape, 600);
        cache.Reserve(600);
        float[] good = new float[10 * 16], rows = new float[300 * 16];
        cache[1, 0].Append(good, 16, good, 16, 10);
        rows[(270 * 16) + 3] = bad;
        ArithmeticException e = Assert.Throws<ArithmeticException>(() => cache[1, 0].Append(rows, 16, new float[300 * 16], 16, 300));
        Assert.StartsWith($"The key in row 270 (position 280) holds {shown}", e.Message.Replace("Infinity", "∞", StringComparison.Ordinal),
            StringComparison.Ordinal);
        e = Assert.Throws<ArithmeticException>(() => cache[1, 0].Append(new float[300 * 16], 16, rows, 16, 300));
        Assert.StartsWith("The value in row 270 (position 280) holds", e.Message, StringComparison.Ordinal);
        Assert.Equal(10, cache[1, 0].Count);
    }

    [Fact]
    public void Appending_needs_room_and_rows()
    {
        using KeyValueCache cache = new(Shape, 600);
        float[] rows = new float[300 * 16];
        Assert.Throws<InvalidOperationException>(() => cache[0, 0].Append(rows, 16, rows, 16, 1));
        cache.Reserve(256);
        Assert.Throws<InvalidOperationException>(() => cache[0, 0].Append(rows, 16, rows, 16, 257));
        Assert.Throws<ArgumentException>(() => cache[0, 0].Append(rows, 16, rows.AsSpan(1), 16, 300));
        Assert.Throws<ArgumentException>(() => cache[0, 0].Append(rows, 15, rows, 16, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache[0, 0].Append(rows, 16, rows, 16, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache[2, 0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache[0, 2]);
    }

    [Fact]
    public void Rewinding_takes_every_head_back_and_keeps_the_memory()
    {
        using KeyValueCache cache = new(Shape, 600);
        cache.Reserve(300);
        float[] rows = new float[300 * 16];
        cache[0, 0].Append(rows, 16, rows, 16, 300);
        cache[1, 1].Append(rows, 16, rows, 16, 20);
        long bytes = cache.AllocatedBytes;
        cache.Rewind(100);
        Assert.Equal((100, 20, 0), (cache[0, 0].Count, cache[1, 1].Count, cache[0, 1].Count));
        Assert.Equal(bytes, cache.AllocatedBytes);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Rewind(101));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Rewind(-1));
        cache.Rewind(0);
        Assert.Equal(0, cache[0, 0].Count);
    }

    [Fact]
    public void A_disposed_context_says_so()
    {
        KeyValueCache cache = new(Shape, 600);
        cache.Reserve(10);
        float[] rows = new float[16];
        cache[0, 0].Append(rows, 16, rows, 16, 1);
        HeadCache head = cache[0, 0];
        cache.Dispose();
        cache.Dispose();
        Assert.Equal((0, 0L), (cache.Capacity, cache.AllocatedBytes));
        Assert.Throws<ObjectDisposedException>(() => cache.Reserve(1));
        Assert.Throws<ObjectDisposedException>(() => cache.Rewind(0));
        Assert.Throws<ObjectDisposedException>(() => head.Append(rows, 16, rows, 16, 1));
        Assert.Throws<ObjectDisposedException>(() => new HeadAttention(new AttentionOptions()).Attend(head, rows, 1, 1, 0));
    }

    [Fact]
    public void Memory_that_the_system_does_not_have_is_a_sentence()
    {
        // A block of 281 TB, more than a process can address.
        using KeyValueCache cache = new(new AttentionShape(1024, 64, 64, 4 << 20), 1000);
        InsufficientMemoryException e = Assert.Throws<InsufficientMemoryException>(() => cache.Reserve(1000));
        Assert.StartsWith("There is no memory for 1000 tokens of context (", e.Message, StringComparison.Ordinal);
        Assert.Equal((0, 0L), (cache.Capacity, cache.AllocatedBytes));
    }

    [Fact]
    public void Shapes_limits_and_options_are_checked()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionShape(0, 1, 1, 64));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionShape(1, 1, 0, 64));
        Assert.Throws<ArgumentException>(() => new AttentionShape(1, 9, 2, 64));
        Assert.Throws<ArgumentException>(() => new AttentionShape(1, 9, 3, 60));
        Assert.Throws<ArgumentException>(() => new KeyValueCache(default, 10));
        Assert.Throws<ArgumentException>(() => new KeyValueCache(new AttentionShape(1, 1, 1, 1 << 30), 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => new KeyValueCache(Shape, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionPolicy.Budget(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionPolicy.Mass(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionPolicy.Mass(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionPolicy.Fixed(float.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionOptions { Window = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionOptions { Sinks = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionOptions { Mode = (AttentionMode)7 });
        Assert.Throws<ArgumentNullException>(() => new AttentionOptions { Policy = null! });
        Assert.Equal(3, Shape.Group);
    }
}
