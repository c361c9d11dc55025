namespace Halfspace.Attention.Tests;

/// <summary>A layer's step cut into items gives what its heads give whole, whatever threads take the items.</summary>
public sealed class LayerStepTests
{
    private const int Dim = 64, Group = 3, Heads = 3, Tokens = 3000;

    [Theory]
    [InlineData(AttentionMode.Dense)]
    [InlineData(AttentionMode.Sparse)]
    public void Threads_share_a_position(AttentionMode mode)
    {
        AttentionOptions options = new() { Mode = mode };
        AttentionShape shape = new(2, Heads * Group, Heads, Dim);
        using KeyValueCache cache = new(shape, Tokens, mode == AttentionMode.Sparse ? options : null);
        cache.Reserve(Tokens);
        Case[] data = [.. Enumerable.Range(0, Heads).Select(h => Case.Random(Dim, Group, Tokens, seed: 50 + h))];
        using AttentionScratch scratch = new();
        for (int h = 0; h < Heads; h++)
        {
            float[] keys = Array.ConvertAll(data[h].Keys, k => (float)k), values = Array.ConvertAll(data[h].Values, v => (float)v);
            HeadCache head = cache[1, h];
            head.Append(keys.AsSpan(0, (Tokens - 1) * Dim), Dim, values.AsSpan(0, (Tokens - 1) * Dim), Dim, Tokens - 1);
            head.Advance(head.Count, true, scratch);
            head.Append(keys.AsSpan((Tokens - 1) * Dim), Dim, values.AsSpan((Tokens - 1) * Dim), Dim, 1);
        }
        float[] queries = [.. data.SelectMany(d => d.Rows(Tokens - 1, 1).ToArray())], expected = new float[queries.Length];
        HeadAttention attention = new(options);
        for (int h = 0; h < Heads; h++)
            attention.Attend(cache[1, h], data[h].Rows(Tokens - 1, 1), Group, 1, Tokens - 1, scratch).CopyTo(expected, h * Group * Dim);
        foreach (int threads in (int[])[1, 2, 3, 8, 64])
        {
            using LayerStep step = new(attention, shape, threads);
            AttentionScratch[] scratches = [.. Enumerable.Range(0, 64).Select(_ => new AttentionScratch())];
            for (int round = 0; round < 3; round++)
            {
                float[] output = new float[queries.Length];
                step.Begin(cache, 1, queries, Tokens - 1);
                int[] order = [.. Enumerable.Range(0, step.Items)];
                new Random(round).Shuffle(order);
                Parallel.ForEach(order, item => step.Scan(item, scratches[item]));
                Parallel.ForEach(order, item => step.Finish(item, output, scratches[item]));
                for (int i = 0; i < output.Length; i++) Assert.Equal(expected[i], output[i], 1e-5);
            }
            AttentionCounters counters = default;
            foreach (AttentionScratch own in scratches)
            {
                counters.Add(own.Counters);
                own.Dispose();
            }
            Assert.Equal(3 * Heads * Group, counters.Rows);
            Assert.Equal(mode == AttentionMode.Dense ? counters.Rows : 0, counters.RowsDense);
        }
    }
}
