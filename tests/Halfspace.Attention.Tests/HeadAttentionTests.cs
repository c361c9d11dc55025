namespace Halfspace.Attention.Tests;

public sealed class HeadAttentionTests
{
    public static TheoryData<AttentionMode> Modes => [AttentionMode.Dense, AttentionMode.Sparse];

    [Theory, MemberData(nameof(Modes))]
    public void A_query_that_is_no_number_is_named(AttentionMode mode)
    {
        Case data = Case.Random(64, 3, 700, seed: 1);
        using KeyValueCache cache = data.Cache();
        HeadAttention attention = new(new AttentionOptions { Mode = mode });
        foreach (float bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity, 2e15f])
        {
            float[] queries = data.Rows(690, 10).ToArray();
            queries[(7 * 3 * 64) + 64 + 5] = bad;
            ArithmeticException e = Assert.Throws<ArithmeticException>(() => attention.Attend(cache[0, 0], queries, 3, 10, 690));
            Assert.StartsWith("Query row 7 (position 697), head 1 of its group, holds ", e.Message, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Modes))]
    public void Positions_and_shapes_are_checked(AttentionMode mode)
    {
        Case data = Case.Random(64, 3, 20, seed: 1);
        using KeyValueCache cache = data.Cache(), empty = new(new AttentionShape(1, 3, 1, 64), 10);
        HeadAttention attention = new(new AttentionOptions { Mode = mode });
        float[] queries = data.Rows(0, 2).ToArray(), output = new float[2 * 192];
        using AttentionScratch scratch = new();
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.Attend(empty[0, 0], queries, 3, 1, 0));
        Assert.Empty(attention.Attend(empty[0, 0], [], 3, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.Attend(cache[0, 0], queries, 3, 2, 19));
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.Attend(cache[0, 0], queries, 3, 1, -1));
        Assert.Throws<ArgumentException>(() => attention.Attend(cache[0, 0], queries, 192, 3, 3, 0, output, 192, scratch));
        Assert.Throws<ArgumentException>(() => attention.Attend(cache[0, 0], queries, 192, 3, 2, 0, output.AsSpan(1), 192, scratch));
        Assert.Throws<ArgumentException>(() => attention.Attend(cache[0, 0], queries, 191, 3, 2, 0, output, 192, scratch));
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.Attend(cache[0, 0], queries, 192, 0, 2, 0, output, 192, scratch));
        Assert.Throws<ArgumentNullException>(() => attention.Attend(null!, queries, 192, 3, 2, 0, output, 192, scratch));
        Assert.Equal(0, scratch.Counters.Rows);
    }

    [Theory, MemberData(nameof(Modes))]
    public void The_same_call_gives_the_same_bits(AttentionMode mode)
    {
        Case data = Case.Random(64, 3, 2400, seed: 2);
        using KeyValueCache cache = data.Sparse(new AttentionOptions());
        HeadAttention attention = new(new AttentionOptions { Mode = mode, Policy = new AttentionPolicy.Mass(0.2) });
        using AttentionScratch used = new();
        attention.Attend(cache[0, 0], data.Rows(0, 300), 3, 300, 0, used);
        foreach (int rows in (int[])[1, 40])
        {
            int first = data.Tokens - rows;
            float[] once = attention.Attend(cache[0, 0], data.Rows(first, rows), 3, rows, first);
            Assert.Equal(once, attention.Attend(cache[0, 0], data.Rows(first, rows), 3, rows, first, used));
        }
    }

    [Theory, MemberData(nameof(Modes))]
    public void Nothing_is_allocated_once_the_scratch_has_grown(AttentionMode mode)
    {
        const int First = 2400;
        Case data = Case.Random(64, 3, First + 100, seed: 3);
        using KeyValueCache cache = Contexts.Sparse(data.Keys, data.Values, 64, First, new AttentionOptions());
        cache.Reserve(data.Tokens);
        using AttentionScratch scratch = new();
        float[] keys = Array.ConvertAll(data.Keys, x => (float)x), values = Array.ConvertAll(data.Values, x => (float)x),
            output = new float[40 * 192];
        foreach (AttentionPolicy policy in (AttentionPolicy[])[new AttentionPolicy.Budget(50), new AttentionPolicy.Mass(0.1),
            new AttentionPolicy.Fixed(1)])
        {
            HeadAttention attention = new(new AttentionOptions { Mode = mode, Policy = policy });
            // What attention allocates it would allocate in every round; the runtime itself, at work on other threads' tests, does in some.
            long allocated = long.MaxValue;
            for (int round = 0; round < 4; round++)
            {
                cache.Rewind(First);
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int token = First; token < First + 60; token++)
                {
                    cache[0, 0].Append(keys.AsSpan(token * 64), 64, values.AsSpan(token * 64), 64, 1);
                    attention.Attend(cache[0, 0], data.Rows(token, 1), 192, 3, 1, token, output, 192, scratch);
                    cache[0, 0].Advance(cache[0, 0].Count, false, scratch);
                }
                cache[0, 0].Append(keys.AsSpan((First + 60) * 64), 64, values.AsSpan((First + 60) * 64), 64, 40);
                attention.Attend(cache[0, 0], data.Rows(First + 60, 40), 192, 3, 40, First + 60, output, 192, scratch);
                allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            Assert.Equal(0, allocated);
        }
    }
}
