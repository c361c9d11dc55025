using System.Buffers;
using System.Runtime.InteropServices;

namespace Halfspace.Attention.Tests;

/// <summary>Contexts that are written and taken over again.</summary>
public sealed class ExportTests
{
    private const int Dim = 64, Tokens = 5000, More = 700;

    private static readonly AttentionOptions Options = new() { Policy = new AttentionPolicy.Budget(64), Clusters = 3 };

    [Theory]
    [InlineData(1500)]
    [InlineData(2300)]
    [InlineData(Tokens)]
    public void A_restored_context_attends_and_grows_as_the_one_it_was_written_from(int tokens)
    {
        Case data = Case.Clustered(Dim, 2, Tokens + More, seed: 5);
        using KeyValueCache original = Contexts.Sparse(data.Keys, data.Values, Dim, tokens, Options, steps: 40);
        using Exported memory = new(original);
        using KeyValueCache restored = KeyValueCache.Restore(original.Shape, original.Limit, Options, tokens, memory, indexes: true);
        HeadAttention attention = new(Options);
        for (int step = 0; step < More; step += 100)
        {
            int held = tokens + step;
            ReadOnlySpan<float> row = data.Queries.AsSpan(0, 2 * Dim);
            Assert.Equal(attention.Attend(original[0, 0], row, 2, 1, held - 1), attention.Attend(restored[0, 0], row, 2, 1, held - 1));
            foreach (KeyValueCache cache in new[] { original, restored })
            {
                cache.Reserve(held + 100);
                Contexts.Grow(cache, data.Keys, data.Values, Dim, 99);
                Contexts.Grow(cache, data.Keys, data.Values, Dim, 1);
            }
        }

        original.Rewind(tokens - 300);
        restored.Rewind(tokens - 300);
        Assert.Equal(
            attention.Attend(original[0, 0], data.Queries.AsSpan(0, 2 * Dim), 2, 1, tokens - 301),
            attention.Attend(restored[0, 0], data.Queries.AsSpan(0, 2 * Dim), 2, 1, tokens - 301));
    }

    [Fact]
    public void An_image_that_is_no_index_is_refused_or_does_no_harm()
    {
        Case data = Case.Clustered(Dim, 1, 2500, seed: 6);
        using KeyValueCache original = Contexts.Sparse(data.Keys, data.Values, Dim, 2500, Options);
        Random random = new(1);
        int refused = 0;
        for (int round = 0; round < 300; round++)
        {
            using Exported memory = new(original);
            // Mostly the numbers at the front of the image and of each part; the rest of it is floats.
            Span<byte> image = memory.Image;
            int at = round % 3 == 0 ? random.Next(40) : random.Next(image.Length);
            image[at] = (byte)random.Next(256);
            image[random.Next(image.Length)] ^= 0x80;
            if (round % 5 == 0) memory.Cut(random.Next(image.Length));
            try
            {
                using KeyValueCache restored = KeyValueCache.Restore(original.Shape, original.Limit, Options, 2500, memory, indexes: true);
                new HeadAttention(Options).Attend(restored[0, 0], data.Queries.AsSpan(0, Dim), 1, 1, 2499);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 60, 299);
    }

    /// <summary>A context of one head, written to memory.</summary>
    private sealed unsafe class Exported : IKeyValueMemory, IDisposable
    {
        private readonly List<nint> _parts = [];
        private readonly nint _index;
        private long _bytes;

        public Exported(KeyValueCache cache)
        {
            int blocks = (cache[0, 0].Count + KeyValueCache.BlockTokens - 1) / KeyValueCache.BlockTokens;
            for (int i = 0; i < blocks; i++) _parts.Add(Copy(cache.ExportBlock(i)));
            ArrayBufferWriter<byte> index = new();
            cache[0, 0].ExportIndex(index);
            _index = Copy(index.WrittenSpan);
            _bytes = index.WrittenCount;
        }

        public Span<byte> Image => new((void*)_index, (int)_bytes);

        public void Cut(int bytes) => _bytes = bytes;

        public nint Block(int index) => _parts[index];

        public (nint Address, long Bytes) Index(int layer, int head) => (_index, _bytes);

        public void Dispose()
        {
            foreach (nint part in _parts) NativeMemory.AlignedFree((void*)part);
            NativeMemory.AlignedFree((void*)_index);
        }

        private static nint Copy(ReadOnlySpan<byte> bytes)
        {
            void* memory = NativeMemory.AlignedAlloc((nuint)bytes.Length, 64);
            bytes.CopyTo(new Span<byte>(memory, bytes.Length));
            return (nint)memory;
        }
    }
}
