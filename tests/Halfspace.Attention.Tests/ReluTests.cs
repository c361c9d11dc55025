using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

public sealed class ReluTests
{
    private static readonly int[] Lengths = [1, 2, 17, 63, 64, 65, 130, 255, 256, 257, 300];

    public static TheoryData<SimdTier> Tiers => Case.Tiers;

    [Theory, MemberData(nameof(Tiers))]
    public void Rows_and_tiles_off_every_block_size_agree_with_the_oracle(SimdTier tier)
    {
        int seed = 0;
        foreach (int dim in (int[])[8, 24, 64, 80, 128])
        {
            foreach (int group in (int[])[1, 3, 5, 9])
            {
                int tokens = Math.Min(Lengths[seed % Lengths.Length], dim > 64 ? 130 : 300);
                Case data = Case.Random(dim, group, tokens, seed++);
                using KeyValueCache cache = data.Cache();
                AttentionFunction.Relu relu = new(1 + (seed % 3), 0.4, seed % 2 == 0 ? 0 : 1e-6);
                int rows = Math.Min(tokens, 1 + (seed * 5 % 40)), first = tokens - rows;
                ReluCases.Check(data, relu, cache.AttendRelu(data, relu, ReluCases.Dense, tier, first, rows).Output, first, rows);
                ReluCases.Check(data, relu, cache.AttendRelu(data, relu, ReluCases.Dense, tier, first, 1).Output, first, 1);
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Sparse_attention_agrees_with_the_oracle_and_reads_what_is_used(SimdTier tier)
    {
        foreach ((int dim, int group, int tokens) in ((int, int, int)[])[(64, 3, 2200), (24, 1, 2611), (80, 8, 2150), (128, 4, 700), (64, 2, 65)])
        {
            Case data = Case.Random(dim, group, tokens, seed: dim);
            using KeyValueCache cache = data.Indexed(rows: 3);
            for (int power = 1; power <= 3; power++)
            {
                AttentionFunction.Relu relu = new(power, 0.4 * dim / 2, 1e-6);
                int first = tokens - 3;
                AttentionCounters dense = cache.AttendRelu(data, relu, ReluCases.Dense, tier, first, 3).Counters;
                foreach (AttentionOptions options in (AttentionOptions[])[ReluCases.Sketch, ReluCases.Scan])
                {
                    (float[] output, AttentionCounters counters) = cache.AttendRelu(data, relu, options, tier, first, 3);
                    ReluCases.Check(data, relu, output, first, 3);
                    Assert.Equal(dense.KeysVisible, counters.KeysVisible);
                    Assert.InRange(counters.KeysUsed, dense.KeysUsed - 2, dense.KeysUsed + 2);
                    Assert.InRange(counters.KeysAttended, counters.KeysUsed, counters.KeysVisible);
                    Assert.True(counters.KeysAttended < counters.KeysVisible, $"{counters.KeysAttended} keys were attended");
                    // Row by row the order of sums is the same, and so are their bits.
                    for (int row = first; row < tokens; row++)
                    {
                        int width = group * dim, at = (row - first) * width;
                        Assert.Equal(cache.AttendRelu(data, relu, ReluCases.Dense, tier, row, 1).Output, output[at..(at + width)]);
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Ties_at_the_bias_weigh_nothing_and_every_way_uses_the_same_keys(SimdTier tier)
    {
        Case data = Case.Integers(64, 3, ReluCases.Tokens, seed: 4);
        const int Rows = 3, First = ReluCases.Tokens - Rows;
        using KeyValueCache cache = data.Indexed(Rows);
        // Scores are multiples of 1/8: all biases but the last are scores of many keys.
        foreach (float bias in (float[])[-1, 0, 0.5f, 1.25f, 2, 1.3f])
        {
            float[] biases = Enumerable.Repeat(bias, data.Group).ToArray();
            long used = 0;
            for (int r = 0; r < Rows; r++)
                for (int h = 0; h < data.Group; h++) used += ReluCases.Used(data, First + r, h, bias);
            foreach (AttentionFunction.Relu relu in (AttentionFunction.Relu[])[new(1), new(2), new(3, 0.4, 1e-6)])
            {
                foreach (AttentionOptions options in ReluCases.All)
                {
                    (float[] output, AttentionCounters counters) = cache.AttendRelu(data, relu, options, tier, First, Rows, biases);
                    ReluCases.Check(data, relu, output, First, Rows, biases);
                    Assert.Equal(used, counters.KeysUsed);
                    Assert.Equal(Rows * data.Group, counters.Rows);
                }
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void A_row_without_a_key_above_its_bias_is_zero_and_counted(SimdTier tier)
    {
        Case data = Case.Random(64, 3, ReluCases.Tokens, seed: 6);
        const int Rows = 4, First = ReluCases.Tokens - Rows;
        using KeyValueCache cache = data.Indexed(Rows);
        // Every other row of head 1 can reach nothing.
        float[] biases = new float[Rows * 3];
        for (int r = 0; r < Rows; r += 2) biases[(r * 3) + 1] = 1e6f;
        foreach (double epsilon in (double[])[0, 1e-6])
        {
            foreach (AttentionOptions options in ReluCases.All)
            {
                AttentionFunction.Relu relu = new(2, 0.4, epsilon);
                (float[] output, AttentionCounters counters) = cache.AttendRelu(data, relu, options, tier, First, Rows, biases);
                Assert.Equal(Rows / 2, counters.RowsEmpty);
                for (int r = 0; r < Rows; r += 2) Assert.All(output[(((r * 3) + 1) * 64)..(((r * 3) + 2) * 64)], o => Assert.Equal(0, o));
                ReluCases.Check(data, relu, output, First, Rows, biases);
                Assert.All(output, o => Assert.True(float.IsFinite(o)));
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Adversarial_keys_agree_with_the_oracle(SimdTier tier)
    {
        const int Last = ReluCases.Tokens - 1;
        foreach (Case data in Case.Adversarial(ReluCases.Tokens))
        {
            using KeyValueCache cache = data.Indexed(rows: 2);
            for (int power = 1; power <= 3; power++)
            {
                AttentionFunction.Relu relu = new(power);
                foreach (AttentionOptions options in ReluCases.All)
                {
                    (float[] output, _) = cache.AttendRelu(data, relu, options, tier, Last - 1, 2);
                    Assert.All(output, o => Assert.True(float.IsFinite(o), $"{data.Name}: {o}"));
                    ReluCases.Check(data, relu, output, Last - 1, 2);
                    // With a bias of 0 any key of a positive score is used, however small it is.
                    float[] none = new float[3];
                    ReluCases.Check(data, relu, cache.AttendRelu(data, relu, options, tier, Last, 1, none).Output, Last, 1, none);
                }
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void One_key_gives_its_value_or_zero(SimdTier tier)
    {
        Case data = Case.Random(64, 3, 1, seed: 1);
        using KeyValueCache cache = data.Indexed(rows: 1);
        foreach (AttentionOptions options in ReluCases.All)
        {
            // ln 1 = 0: the bias of a first token is 0.
            (float[] output, _) = cache.AttendRelu(data, new AttentionFunction.Relu(2), options, tier, 0, 1);
            for (int h = 0; h < 3; h++)
            {
                bool above = Reference.Scores(data.Query(0, h), data.Keys)[0] > 0;
                for (int c = 0; c < 64; c++) Assert.Equal(above ? (float)data.Values[c] : 0, output[(h * 64) + c], 1e-6f);
            }
        }
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Positions_before_the_end_of_the_index_see_none_of_what_follows(SimdTier tier)
    {
        Case data = Case.Random(64, 3, ReluCases.Tokens, seed: 8);
        using KeyValueCache cache = data.Indexed(rows: 1);
        AttentionFunction.Relu relu = new(2, 4);
        foreach (int first in (int[])[0, 300, 2047, 2048, 2134, 2135, 2136, 2199])
            foreach (AttentionOptions options in ReluCases.All)
                ReluCases.Check(data, relu, cache.AttendRelu(data, relu, options, tier, first, 1).Output, first, 1);
    }

    [Theory, InlineData(3), InlineData(9)]
    public void Threads_share_a_position_and_dense_and_sparse_give_the_same_bits(int group)
    {
        const int Tokens = 3000, Last = Tokens - 1;
        Case data = Case.Random(64, group, Tokens, seed: 9);
        using KeyValueCache cache = data.Indexed(rows: 1);
        AttentionFunction.Relu relu = new(2, 8, 1e-6);
        AttentionCounters? dense = null;
        foreach (int threads in (int[])[1, 2, 3, 16])
        {
            float[]? expected = null;
            foreach (AttentionOptions options in ReluCases.All)
            {
                using LayerStep step = new(new HeadAttention(options, function: relu), new AttentionShape(1, group, 1, 64), threads);
                AttentionScratch[] scratches = [.. Enumerable.Range(0, 16).Select(_ => new AttentionScratch())];
                float[] output = new float[group * 64];
                step.Begin(cache, 0, data.Rows(Last, 1), Last);
                Assert.Equal(threads == 1 ? 1 : Math.Min(2 * threads, Tokens / 512), step.Items);
                int[] order = [.. Enumerable.Range(0, step.Items)];
                new Random(threads).Shuffle(order);
                Parallel.ForEach(order, item => step.Scan(item, scratches[item]));
                Parallel.ForEach(order, item => step.Finish(item, output, scratches[item]));
                Assert.Equal(expected ??= output, output);
                ReluCases.Check(data, relu, output, Last, 1);
                AttentionCounters counters = default;
                foreach (AttentionScratch own in scratches)
                {
                    counters.Add(own.Counters);
                    own.Dispose();
                }
                dense ??= counters;
                Assert.Equal(dense.Value.KeysUsed, counters.KeysUsed);
                Assert.Equal((long)group * Tokens, counters.KeysVisible);
                Assert.Equal(options.Mode == AttentionMode.Dense, counters.RowsDense == group);
                Assert.Equal(options.Mode == AttentionMode.Dense, counters.KeysAttended == counters.KeysVisible);
            }
        }
    }

    [Fact]
    public void Nothing_is_allocated_once_the_scratch_has_grown()
    {
        const int Tokens = ReluCases.Tokens, First = Tokens - 40;
        Case data = Case.Random(64, 3, Tokens, seed: 3);
        using KeyValueCache cache = data.Indexed(rows: 40);
        AttentionFunction.Relu relu = new(2);
        float[] output = new float[40 * 192];
        foreach (AttentionOptions options in ReluCases.All)
        {
            HeadAttention attention = new(options, function: relu);
            using AttentionScratch scratch = new();
            // What attention allocates it would allocate in every round; the runtime itself, at work on other threads' tests, does in some.
            long allocated = long.MaxValue;
            for (int round = 0; round < 4; round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int token = First; token < Tokens; token++)
                    attention.Attend(cache[0, 0], data.Rows(token, 1), 192, 3, 1, token, output, 192, scratch);
                attention.Attend(cache[0, 0], data.Rows(First, 40), 192, 3, 40, First, output, 192, scratch);
                allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            Assert.Equal(0, allocated);
        }
    }

    [Fact]
    public void Functions_and_biases_are_checked()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionFunction.Relu(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionFunction.Relu(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionFunction.Relu(1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionFunction.Relu(1, double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionFunction.Relu(1, 0.4, double.NaN));
        Case data = Case.Random(64, 3, 10, seed: 1);
        using KeyValueCache cache = data.Cache();
        AttentionFunction.Relu relu = new(1);
        ArgumentException wrong = Assert.Throws<ArgumentException>(() =>
            cache.AttendRelu(data, relu, ReluCases.Dense, null, 8, 2, new float[5]));
        Assert.StartsWith("There are 5 biases; give 3, one a head, or 6, one a row of each head.", wrong.Message, StringComparison.Ordinal);
        ArithmeticException bad = Assert.Throws<ArithmeticException>(() =>
            cache.AttendRelu(data, relu, ReluCases.Dense, null, 8, 2, [0, 0, float.NaN]));
        Assert.StartsWith("Bias 2 is NaN", bad.Message, StringComparison.Ordinal);
        using AttentionScratch scratch = new();
        Assert.Throws<InvalidOperationException>(() => new HeadAttention(ReluCases.Dense).Attend(
            cache[0, 0], data.Rows(9, 1), 192, new float[3], 3, 1, 9, new float[192], 192, scratch));
    }
}
