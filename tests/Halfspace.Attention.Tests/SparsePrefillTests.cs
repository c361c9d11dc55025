using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

public sealed class SparsePrefillTests
{
    private static readonly AttentionOptions Options = new() { Policy = new AttentionPolicy.Budget(30), Window = 40 };

    public static TheoryData<SimdTier> Tiers => Case.Tiers;

    [Theory, MemberData(nameof(Tiers))]
    public void A_prompt_in_chunks_gives_what_token_by_token_gives(SimdTier tier)
    {
        Case data = Case.Random(24, 3, 420, seed: 4);
        HeadAttention attention = new(Options, tier);
        float[] steps = InChunks(data, attention, 1), whole = InChunks(data, attention, 420), chunks = InChunks(data, attention, 97);
        // The first rows are dense, by tiles or row by row, which round differently; sparse rows are the same sums in the same order.
        int sparse = (63 + 40) * 3 * 24;
        for (int i = 0; i < sparse; i++)
        {
            Assert.Equal(steps[i], whole[i], 1e-5);
            Assert.Equal(steps[i], chunks[i], 1e-5);
        }
        Assert.Equal(steps.AsSpan(sparse), whole.AsSpan(sparse));
        Assert.Equal(steps.AsSpan(sparse), chunks.AsSpan(sparse));
    }

    [Fact]
    public void Tiles_of_a_chunk_in_parallel_give_what_they_give_in_turn()
    {
        Case data = Case.Random(64, 3, 800, seed: 6);
        HeadAttention attention = new(Options);
        using KeyValueCache cache = Contexts.Of(data.Keys, data.Values, 64, 500);
        Contexts.Reserve(cache, data, 800);
        float[] expected = attention.Attend(cache[0, 0], data.Rows(500, 300), 3, 300, 500);
        for (int round = 0; round < 5; round++)
        {
            using KeyValueCache again = Contexts.Of(data.Keys, data.Values, 64, 500);
            Contexts.Reserve(again, data, 800);
            float[] output = new float[expected.Length];
            Parallel.For(0, 300 / 12, tile => attention.Attend(again[0, 0], data.Rows(500 + (tile * 12), 12), 3, 12, 500 + (tile * 12))
                .CopyTo(output.AsSpan(tile * 12 * 3 * 64)));
            Assert.Equal(expected, output);
        }
    }

    [Fact]
    public void Rows_before_the_last_chunk_can_be_attended_again()
    {
        Case data = Case.Random(16, 2, 400, seed: 8);
        HeadAttention attention = new(Options);
        float[] expected = InChunks(data, attention, 50);
        using KeyValueCache cache = data.Cache();
        cache.Rewind(380);
        Contexts.Append(cache, data.Keys, data.Values, 16, 20);
        attention.Attend(cache[0, 0], data.Rows(390, 10), 2, 10, 390);
        float[] output = attention.Attend(cache[0, 0], data.Rows(200, 50), 2, 50, 200);
        Assert.Equal(expected.AsSpan(200 * 32, 50 * 32), output.AsSpan());
    }

    [Fact]
    public void After_many_rewinds_a_context_is_the_same_to_the_bit()
    {
        Case data = Case.Random(16, 2, 600, seed: 9), other = Case.Random(16, 2, 600, seed: 10);
        HeadAttention attention = new(Options);
        float[] expected = InChunks(data, attention, 1);
        using KeyValueCache cache = new(new AttentionShape(1, 1, 1, 16), 600);
        cache.Reserve(600);
        Random random = new(3);
        for (int round = 0; round < 300; round++)
        {
            HeadCache head = cache[0, 0];
            // Leave with other keys, attended or not, come back, and go on with the right ones.
            int keep = head.Count == 0 ? 0 : random.Next(head.Count + 1), stray = random.Next(0, 600 - head.Count + 1);
            Contexts.Append(cache, other.Keys, other.Values, 16, stray);
            if (head.Count < 600) Contexts.Append(cache, other.Keys, other.Values, 16, 1);
            if (stray > 0 && round % 3 > 0) attention.Attend(head, other.Rows(head.Count - 1, 1), 2, 1, head.Count - 1);
            cache.Rewind(round % 2 == 0 ? keep : Math.Max(0, head.Count - stray - 1));
            if (head.Count == 600) cache.Rewind(random.Next(400));
            // Some tokens pass without attention, so that what was summed before is not looked at until they are beyond it.
            Contexts.Append(cache, data.Keys, data.Values, 16, random.Next(0, 600 - head.Count));
            int add = random.Next(1, Math.Min(120, 600 - head.Count) + 1), first = head.Count;
            Contexts.Append(cache, data.Keys, data.Values, 16, add);
            float[] output = attention.Attend(head, data.Rows(first, add), 2, add, first);
            for (int i = 0; i < output.Length; i++) Assert.Equal(expected[(first * 32) + i], output[i], 1e-5);
            int sparse = Math.Max(0, (63 + 40) - first) * 32;
            if (sparse < output.Length) Assert.Equal(expected.AsSpan((first * 32) + sparse, output.Length - sparse), output.AsSpan(sparse));
        }
    }

    private static float[] InChunks(Case data, HeadAttention attention, int chunk)
    {
        using KeyValueCache cache = new(new AttentionShape(1, 1, 1, data.Dim), data.Tokens);
        cache.Reserve(data.Tokens);
        float[] output = new float[data.Queries.Length];
        for (int first = 0; first < data.Tokens; first += chunk)
        {
            int rows = Math.Min(chunk, data.Tokens - first);
            Contexts.Append(cache, data.Keys, data.Values, data.Dim, rows);
            attention.Attend(cache[0, 0], data.Rows(first, rows), data.Group, rows,
                first).CopyTo(output.AsSpan(first * data.Group * data.Dim));
        }
        return output;
    }
}
