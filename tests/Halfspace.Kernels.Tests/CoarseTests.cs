using System.Runtime.InteropServices;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels.Tests;

/// <summary>Coarse sums, in bytes, and what is made of them, against plain loops.</summary>
public sealed class CoarseTests
{
    private const int Lanes = AttentionKernels.SketchKeys, Keys = KeyBlocks.Keys, MostBlocks = 17, MostRows = 9;

    // What is written nowhere must stay.
    private const sbyte Guard = 0x55;

    // The exponential is a chord of the curve: never below it but for rounding, at most 6.2 % above.
    private const double Below = 1 - 1e-4, Above = 1.065;

    private static readonly int[] Widths = [8, 20, 24, 64, 80, 128];

    public static TheoryData<SimdTier> All => Tiers.All;

    [Theory, MemberData(nameof(All))]
    public void Powers_of_weights_are_added_down_the_columns(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int rows in (int[])[0, 1, 5, 64])
        {
            foreach (int columns in (int[])[kernels.Width, 3 * kernels.Width])
            {
                int stride = columns + 5;
                float[] weights = Data.Floats(rows * stride, seed: rows, scale: 3), scale = Data.Floats(columns, seed: 1, scale: 2);
                float[] sums = [.. Data.Floats(columns, seed: 2), 7, 7], squares = [.. Data.Floats(columns, seed: 3), 7, 7];
                float[] sumsBefore = [.. sums], squaresBefore = [.. squares];
                kernels.AddPowers(weights, stride, rows, scale, sums.AsSpan(0, columns), squares.AsSpan(0, columns));
                for (int c = 0; c < columns; c++)
                {
                    double by = scale[c], sum = sumsBefore[c] * by, square = squaresBefore[c] * by * by;
                    double size = Math.Abs(sum), squareSize = Math.Abs(square);
                    for (int r = 0; r < rows; r++)
                    {
                        double w = weights[(r * stride) + c];
                        (sum, square) = (sum + w, square + (w * w));
                        (size, squareSize) = (size + Math.Abs(w), squareSize + (w * w));
                    }
                    Assert.Equal(sum, sums[c], 1e-5 * size);
                    Assert.Equal(square, squares[c], 1e-5 * squareSize);
                }
                Assert.Equal([7, 7], sums[columns..]);
                Assert.Equal([7, 7], squares[columns..]);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Powers_need_shapes_that_match(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        int n = 2 * kernels.Width;
        float[] weights = new float[3 * n], right = new float[n], wrong = new float[n - 1];
        kernels.AddPowers(weights, n, 3, right, new float[n], new float[n]);
        Assert.Throws<ArgumentException>(() => kernels.AddPowers(weights, n, 3, wrong, new float[n], new float[n]));
        Assert.Throws<ArgumentException>(() => kernels.AddPowers(weights, n, 3, right, new float[n], wrong));
        Assert.Throws<ArgumentException>(() => kernels.AddPowers(weights, n, 3, right, wrong, new float[n]));
        Assert.Throws<ArgumentException>(() => kernels.AddPowers(weights, n, 4, right, new float[n], new float[n]));
        Assert.Throws<ArgumentException>(() => kernels.AddPowers(weights, n - 1, 3, right, new float[n], new float[n]));
        if (kernels.Width == 1) return;
        Assert.Throws<ArgumentException>(() => kernels.AddPowers(weights, n, 3, wrong, wrong, new float[n - 1]));
    }

    [Theory, MemberData(nameof(All))]
    public void Numbers_become_the_nearest_bytes(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        (float Number, sbyte Byte)[] cases =
        [
            (0, 0), (-0f, 0), (0.5f, 0), (0.50001f, 1), (1.5f, 2), (2.5f, 2), (-0.5f, 0), (-1.5f, -2), (-2.5f, -2), (126.49f, 126), (126.5f, 126),
            (126.51f, 127), (127.49f, 127), (127.5f, 127), (128, 127), (1e9f, 127), (-126.5f, -126), (-127.5f, -128), (-128, -128), (-128.5f, -128),
            (-129, -128), (-1e9f, -128), (float.PositiveInfinity, 127), (float.NegativeInfinity, -128), (1e-30f, 0),
        ];
        for (int count = 0; count < 70; count++)
        {
            for (int first = 0; first < cases.Length; first++)
            {
                // Factors and their inverses are powers of two: the product is the number.
                float[] scores = new float[count], factors = new float[count];
                sbyte[] expected = [.. Enumerable.Repeat(Guard, count + 3)], bytes = [.. expected];
                for (int i = 0; i < count; i++)
                {
                    (float number, expected[i]) = cases[(first + i) % cases.Length];
                    factors[i] = 1 << (i % 5);
                    scores[i] = number * 4 / factors[i];
                }
                kernels.Quantise(scores, factors, 0.25f, bytes);
                Assert.Equal(expected, bytes);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Every_tier_gives_the_same_bytes(SimdTier tier)
    {
        foreach (int count in (int[])[1, 15, 64, 67, 1000])
        {
            float[] scores = Data.Floats(count, seed: count, scale: 20), factors = [.. Data.Floats(count, seed: 5).Select(f => f + 2)];
            sbyte[] bytes = new sbyte[count], first = new sbyte[count];
            AttentionKernels.For(tier).Quantise(scores, factors, 3.3f, bytes);
            AttentionKernels.For(SimdTier.Scalar).Quantise(scores, factors, 3.3f, first);
            Assert.Equal(first, bytes);
            for (int i = 0; i < count; i++)
                Assert.InRange(bytes[i] - Math.Clamp((double)scores[i] * factors[i] * 3.3f, -128, 127), -0.5001, 0.5001);
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Bytes_need_a_factor_and_room_each(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        Assert.Throws<ArgumentException>(() => kernels.Quantise(new float[20], new float[19], 1, new sbyte[20]));
        Assert.Throws<ArgumentException>(() => kernels.Quantise(new float[20], new float[21], 1, new sbyte[20]));
        Assert.Throws<ArgumentException>(() => kernels.Quantise(new float[20], new float[20], 1, new sbyte[19]));
    }

    [Theory, MemberData(nameof(All))]
    public void Coarse_weights_are_a_chord_of_the_exponential(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int count in (int[])[64, 128, 320])
        {
            foreach (int rows in (int[])[1, 3, 7])
            {
                Scores given = new(count, rows, middle: -45);
                float[] weights = [.. Enumerable.Repeat(9f, count)];
                double[] totals = new double[rows], twice = new double[rows];
                kernels.WeighCoarse(given.Sums, given.Stride, given.Steps, given.Units, given.Bases, weights);
                kernels.TotalCoarse(given.Sums, given.Stride, given.Steps, given.Units, given.Bases, totals);
                int compared = 0;
                for (int i = 0; i < count; i++)
                {
                    (double low, double high) = (0, 0);
                    for (int r = 0; r < rows; r++) (low, high) = given.Add(tier, r, i, low, high);
                    // Far below the others a weight may vanish.
                    Assert.InRange(weights[i], low > 1e-30 ? Below * low : 0, Above * high);
                    compared += low > 1e-30 ? 1 : 0;
                }
                Assert.InRange(compared, count / 2, count);

                totals.CopyTo(twice, 0);
                kernels.TotalCoarse(given.Sums, given.Stride, given.Steps, given.Units, given.Bases, twice);
                for (int r = 0; r < rows; r++)
                {
                    (double low, double high) = (0, 0);
                    for (int i = 0; i < count; i++) (low, high) = given.Add(tier, r, i, low, high);
                    Assert.InRange(totals[r], Below * low, Above * high);
                    Assert.Equal(2 * totals[r], twice[r]);
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Coarse_weights_far_below_vanish_and_do_not_wrap(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (float middle in (float[])[-260, -1e4f, -1e9f])
        {
            Scores given = new(128, 3, middle);
            float[] weights = [.. Enumerable.Repeat(9f, 128)];
            double[] totals = new double[3];
            kernels.WeighCoarse(given.Sums, given.Stride, given.Steps, given.Units, given.Bases, weights);
            kernels.TotalCoarse(given.Sums, given.Stride, given.Steps, given.Units, given.Bases, totals);
            Assert.All(weights, w => Assert.True(w == 0));
            Assert.All(totals, t => Assert.True(t == 0));
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Keys_without_a_step_weigh_nothing(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        const int Count = 192, Rows = 3;
        Scores given = new(Count, Rows, middle: -45);
        // Some in every register, and a whole block.
        for (int i = 0; i < Count; i++)
            if (i % 3 == 1 || i >= 128) given.Steps[i] = float.NaN;
        float[] weights = [.. Enumerable.Repeat(9f, Count)];
        double[] totals = new double[Rows];
        kernels.WeighCoarse(given.Sums, given.Stride, given.Steps, given.Units, given.Bases, weights);
        kernels.TotalCoarse(given.Sums, given.Stride, given.Steps, given.Units, given.Bases, totals);
        for (int i = 0; i < Count; i++) Assert.True(!float.IsNaN(given.Steps[i]) || weights[i] == 0);
        for (int r = 0; r < Rows; r++)
        {
            (double low, double high) = (0, 0);
            for (int i = 0; i < Count; i++)
                if (!float.IsNaN(given.Steps[i])) (low, high) = given.Add(tier, r, i, low, high);
            Assert.InRange(totals[r], Below * low, Above * high);
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Many_rows_weigh_as_some_and_the_others_do(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        const int Count = 128, Rows = 300;
        Scores given = new(Count, Rows, middle: -45);
        // Their units would become negative.
        Array.Fill(given.Units, 0.4f);
        float[] all = new float[Count], some = new float[Count], others = new float[Count];
        kernels.WeighCoarse(given.Sums, given.Stride, given.Steps, given.Units, given.Bases, all);
        kernels.WeighCoarse(given.Sums, given.Stride, given.Steps, given.Units.AsSpan(0, 200), given.Bases.AsSpan(0, 200), some);
        kernels.WeighCoarse(given.Sums.AsSpan(200 * given.Stride), given.Stride, given.Steps, given.Units.AsSpan(200), given.Bases.AsSpan(200), others);
        for (int i = 0; i < Count; i++) Assert.Equal(all[i], some[i] + others[i], 0.1 * all[i]);
    }

    [Theory, MemberData(nameof(All))]
    public void Places_are_drawn_where_weights_reach_their_chance(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int count in (int[])[0, 1, 15, 16, 17, 64, 1000])
        {
            float[] weights = [.. Data.Floats(count, seed: count).Select(Math.Abs)], chances = [.. Data.Floats(count, seed: 3).Select(c => Math.Abs(c) % 1)];
            for (int i = 0; i < count; i += 7) weights[i] = i % 2 == 0 ? 0 : 1e-39f;
            for (int i = 0; i < count; i += 5) chances[i] = 0;
            foreach (float least in (float[])[0, 0.5f, 3, 1e30f])
            {
                float[] places = [.. Enumerable.Repeat(-1f, count + kernels.Width + 2)];
                int drawn = kernels.Draw(weights, chances, least, places.AsSpan(0, count + kernels.Width));
                float[] expected =
                    [.. Enumerable.Range(0, count).Where(i => weights[i] >= MathF.Max(chances[i] * least, 1.17549435e-38f)).Select(i => (float)i)];
                Assert.Equal(expected, places[..drawn]);
                Assert.Equal([-1, -1], places[^2..]);
            }
        }
        Assert.Throws<ArgumentException>(() => kernels.Draw(new float[9], new float[8], 1, new float[64]));
        Assert.Throws<ArgumentException>(() => kernels.Draw(new float[9], new float[9], 1, new float[8 + kernels.Width]));
    }

    [Theory, MemberData(nameof(All))]
    public void Coarse_weights_of_no_rows_are_zero(SimdTier tier)
    {
        float[] weights = [.. Enumerable.Repeat(9f, 64)];
        AttentionKernels.For(tier).WeighCoarse([], 64, new float[64], [], [], weights);
        Assert.Equal(new float[64], weights);
    }

    [Theory, MemberData(nameof(All))]
    public void Coarse_weights_need_shapes_that_match(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        Check(sums: 128, stride: 64, steps: 63, units: 2, bases: 2, weights: 63, totals: 2);
        Check(sums: 128, stride: 64, steps: 32, units: 2, bases: 2, weights: 32, totals: 2);
        Check(sums: 128, stride: 64, steps: 64, units: 2, bases: 1, weights: 64, totals: 2);
        Check(sums: 128, stride: 63, steps: 64, units: 2, bases: 2, weights: 64, totals: 2);
        Check(sums: 127, stride: 64, steps: 64, units: 2, bases: 2, weights: 64, totals: 2);
        Check(sums: 128, stride: 64, steps: 64, units: 2, bases: 2, weights: 63, totals: 1);

        void Check(int sums, int stride, int steps, int units, int bases, int weights, int totals)
        {
            Assert.Throws<ArgumentException>(() => kernels.WeighCoarse(
                new sbyte[sums], stride, new float[steps], new float[units], new float[bases], new float[weights]));
            Assert.Throws<ArgumentException>(() => kernels.TotalCoarse(
                new sbyte[sums], stride, new float[steps], new float[units], new float[bases], new double[totals]));
        }
    }

    [Fact]
    public void Sums_of_tables_are_near_the_sketches_scores()
    {
        SkipWithoutTables();
        CoarseTables tables = new();
        foreach (int dim in Widths)
        {
            Sketched given = new(dim, Data.Floats(MostRows * dim, seed: dim, scale: 3), Spread(dim));
            int padded = given.Padded, pairs = padded / 2;
            foreach (int rows in (int[])[1, 2, 3, 8, 9])
            {
                foreach (int blocks in (int[])[1, 3, 4, 5, 9, MostBlocks])
                {
                    int keys = blocks * Keys, stride = keys + 7;
                    tables.Begin(rows, padded);
                    Assert.Equal(rows, tables.Count);
                    float[] units = new float[rows], scales = new float[rows];
                    for (int r = 0; r < rows; r++)
                    {
                        // What is not wanted at all is what a table needs.
                        scales[r] = tables.Set(r, given.Queries[r / SketchQueries.Max], r % SketchQueries.Max, 0) / 14;
                        float wanted = (float)(given.LargestPart(r, keys) / 100);
                        units[r] = tables.Set(r, given.Queries[r / SketchQueries.Max], r % SketchQueries.Max, wanted);
                        Assert.Equal(Math.Max(wanted, 14 * scales[r]), units[r], 1e-6 * units[r]);
                        double largest = given.Rotated[r].Max(Math.Abs);
                        Assert.InRange(scales[r], largest / 127 * (1 - 1e-5), largest / 127 * 3);
                    }
                    sbyte[] sums = [.. Enumerable.Repeat(Guard, rows * stride)];
                    tables.Sum(given.Blocks.AsSpan(0, blocks * given.BlockBytes), sums, stride);
                    for (int r = 0; r < rows; r++)
                    {
                        // The query's codes are the rotated query to the nearest multiple of the scale; clipping makes none larger.
                        double size = given.Rotated[r].Sum(Math.Abs) + (0.5 * scales[r] * padded), norm = given.Rotated[r].Sum(p => p * p);
                        // A table's entry is half a unit off at most, and its factor half of 2^-15: an entry is a code times at most 7.
                        double rounding = (0.5 * pairs * units[r]) + (7 * size / scales[r] / 65536 * units[r]);
                        // Two codes of a key share an entry: each is half a step from their middle.
                        double bound = (rounding + (0.5 * size)) * (1 + 1e-4), squares = 0;
                        for (int i = 0; i < keys; i++)
                        {
                            double off = ((double)units[r] * sums[(r * stride) + i]) - given.Score(r, i);
                            Assert.True(Math.Abs(off) <= bound, $"d = {dim}, {rows} rows, {blocks} blocks, row {r}, key {i}: {off}, ±{bound}");
                            squares += off * off;
                        }
                        // Errors of either sign: their sum is far smaller than the most it can be.
                        double deviation = Math.Sqrt((pairs * units[r] * units[r] / 12) + (norm / 4)), found = Math.Sqrt(squares / keys);
                        Assert.InRange(found / deviation, 0.5, 1.5);
                        if (padded >= 64) Assert.InRange(found / bound, 0, 0.3);
                        Assert.All(sums[((r * stride) + keys)..((r + 1) * stride)], s => Assert.Equal(Guard, s));
                    }
                }
            }
        }
    }

    [Fact]
    public void Sums_of_tables_do_not_depend_on_what_else_is_summed()
    {
        SkipWithoutTables();
        const int Dim = 80, Count = MostBlocks * Keys;
        Sketched given = new(Dim, Data.Floats(MostRows * Dim, seed: 8), Spread(Dim));
        CoarseTables all = new(), one = new();
        all.Begin(MostRows, given.Padded);
        one.Begin(1, given.Padded);
        sbyte[] sums = new sbyte[MostRows * Count], own = new sbyte[Keys];
        float[] units = new float[MostRows];
        for (int r = 0; r < MostRows; r++) units[r] = all.Set(r, given.Queries[r / SketchQueries.Max], r % SketchQueries.Max, 0);
        all.Sum(given.Blocks, sums, Count);
        for (int r = 0; r < MostRows; r++)
        {
            Assert.Equal(units[r], one.Set(0, given.Queries[r / SketchQueries.Max], r % SketchQueries.Max, 0));
            for (int b = 0; b < MostBlocks; b++)
            {
                one.Sum(given.Blocks.AsSpan(b * given.BlockBytes, given.BlockBytes), own, Keys);
                Assert.Equal(sums.AsSpan((r * Count) + (b * Keys), Keys).ToArray(), own);
            }
        }
    }

    [Fact]
    public void Sums_too_large_for_a_byte_become_the_last_one()
    {
        SkipWithoutTables();
        foreach (int dim in Widths)
        {
            float[] queries = Data.Floats(MostRows * dim, seed: dim, scale: 3);
            // Along the first query or against it: its sums grow with every pair of coordinates.
            float[] keys = [.. Spread(dim).Select((_, j) => queries[j % dim] * (1 + (j / dim % 7)) * (j / dim % 2 == 0 ? 1 : -1))];
            Sketched given = new(dim, queries, keys);
            CoarseTables tables = new();
            tables.Begin(1, given.Padded);
            double unit = tables.Set(0, given.Queries[0], 0, 1e-9f);
            sbyte[] sums = new sbyte[MostBlocks * Keys];
            tables.Sum(given.Blocks, sums, sums.Length);
            // What tables and the keys' codes round, as above, with a unit of 14 scales.
            double slack = (0.3 * given.Padded) + (0.52 * given.Rotated[0].Sum(Math.Abs) / unit);
            int beyond = 0;
            for (int i = 0; i < sums.Length; i++)
            {
                double exact = given.Score(0, i) / unit;
                if (Math.Abs(exact) < 128 + slack)
                {
                    Assert.Equal(Math.Sign(exact), Math.Sign(sums[i]));
                    continue;
                }
                beyond++;
                Assert.Equal(exact > 0 ? sbyte.MaxValue : sbyte.MinValue, sums[i]);
            }
            if (dim >= 64) Assert.Equal(sums.Length, beyond);
        }
    }

    [Fact]
    public void A_query_of_zeros_sums_to_zero()
    {
        SkipWithoutTables();
        Sketched given = new(24, new float[MostRows * 24], Spread(24));
        CoarseTables tables = new();
        tables.Begin(1, given.Padded);
        Assert.True(tables.Set(0, given.Queries[0], 0, 0) > 0);
        sbyte[] sums = [.. Enumerable.Repeat(Guard, Keys)];
        tables.Sum(given.Blocks.AsSpan(0, given.BlockBytes), sums, Keys);
        Assert.Equal(new sbyte[Keys], sums);
    }

    [Fact]
    public void Tables_need_shapes_that_match()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new CoarseTables().Begin(-1, 64));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CoarseTables().Begin(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CoarseTables().Begin(1, 12));
        SkipWithoutTables();
        Sketched given = new(64, Data.Floats(MostRows * 64, seed: 1), Spread(64));
        SketchQueries queries = given.Queries[0], other = new();
        other.Clear(72);
        CoarseTables tables = new();
        tables.Begin(2, 64);
        Assert.Throws<ArgumentException>(() => tables.Set(2, queries, 0, 1));
        Assert.Throws<ArgumentException>(() => tables.Set(-1, queries, 0, 1));
        Assert.Throws<ArgumentException>(() => tables.Set(0, queries, queries.Count, 1));
        Assert.Throws<ArgumentException>(() => tables.Set(0, other, 0, 1));
        for (int r = 0; r < 2; r++) tables.Set(r, queries, r, 1);
        int bytes = 2 * given.BlockBytes;
        tables.Sum(given.Blocks.AsSpan(0, bytes), new sbyte[256], 128);
        tables.Sum([], [], 0);
        Assert.Throws<ArgumentException>(() => tables.Sum(given.Blocks.AsSpan(0, bytes - 1), new sbyte[256], 128));
        Assert.Throws<ArgumentException>(() => tables.Sum(given.Blocks.AsSpan(0, bytes + 1), new sbyte[256], 128));
        Assert.Throws<ArgumentException>(() => tables.Sum(given.Blocks.AsSpan(0, bytes), new sbyte[255], 128));
        Assert.Throws<ArgumentException>(() => tables.Sum(given.Blocks.AsSpan(0, bytes), new sbyte[256], 127));
        Assert.Throws<ArgumentException>(() => tables.Sum(given.Blocks.AsSpan(0, bytes), new sbyte[256], 129));
    }

    private static void SkipWithoutTables() => Assert.SkipUnless(CoarseTables.IsSupported, "tables need AVX-512 with VBMI");

    // Keys of many sizes, so that their steps differ.
    private static float[] Spread(int dim) =>
        [.. Data.Floats(MostBlocks * Keys * dim, seed: dim + 1).Select((k, j) => k * (0.1f + (j / dim % 11)))];

    /// <summary>Coarse scores from about 55 below a middle to 55 above.</summary>
    private sealed class Scores
    {
        public Scores(int count, int rows, float middle)
        {
            Random random = new(count + rows);
            Stride = count + 64;
            Sums = new sbyte[rows * Stride];
            random.NextBytes(MemoryMarshal.AsBytes(Sums.AsSpan()));
            Steps = [.. Enumerable.Range(0, count).Select(_ => 0.01f + (0.29f * random.NextSingle()))];
            Units = [.. Enumerable.Range(0, rows).Select(r => 1.43f - (0.1f * r))];
            Bases = [.. Enumerable.Range(0, rows).Select(r => middle - r)];
        }

        public int Stride { get; }

        public sbyte[] Sums { get; }

        public float[] Steps { get; }

        public float[] Units { get; }

        public float[] Bases { get; }

        /// <summary>Adds a key's weight to the least and the most that a sum can be, but for the chord.</summary>
        public (double Low, double High) Add(SimdTier tier, int row, int key, double low, double high)
        {
            int sum = Sums[(row * Stride) + key];
            double score = ((double)Steps[key] * Units[row] * sum) + Bases[row], largest = Steps.Where(s => !float.IsNaN(s)).Max();
            // In half-words a step is half a 256th of the largest off, and a score 1.5 of 128 parts of an octave.
            double off = tier == SimdTier.V512 ? (Math.Abs(sum) * Units[row] * largest / 512) + 0.009 : 0;
            return (low + Math.Exp(score - off), high + Math.Exp(score + off));
        }
    }

    /// <summary>Blocks of sketches of keys, and queries for them.</summary>
    private sealed class Sketched
    {
        private readonly float[] _scores;

        public Sketched(int dim, float[] queries, float[] keys)
        {
            AttentionKernels kernels = AttentionKernels.For(Simd.Selected);
            SketchRotation rotation = new(dim, 7);
            Padded = rotation.Padded;
            BlockBytes = KeyBlocks.Bytes(Padded);
            Blocks = new byte[MostBlocks * BlockBytes];
            for (int first = 0; first < MostBlocks * Keys; first += Lanes)
            {
                float[] columns = new float[Padded * Lanes];
                for (int i = 0; i < Lanes; i++)
                    for (int c = 0; c < dim; c++) columns[(c * Lanes) + i] = keys[((first + i) * dim) + c];
                Span<byte> block = Blocks.AsSpan(first / Keys * BlockBytes, BlockBytes);
                Assert.True(kernels.Sketch(columns, rotation, [.. Enumerable.Range(first, Lanes)], block, first % Keys));
            }

            _scores = new float[MostRows * MostBlocks * Keys];
            for (int first = 0; first < MostRows; first += SketchQueries.Max)
            {
                int take = Math.Min(SketchQueries.Max, MostRows - first);
                SketchQueries pass = new();
                pass.Clear(Padded);
                Assert.True(pass.TryAddRows(queries.AsSpan(first * dim, take * dim), take, rotation, kernels, new float[2 * Lanes * Padded]));
                SketchKernel.For(SimdTier.Scalar).ScoreKeys(Blocks, pass, _scores.AsSpan(first * MostBlocks * Keys), MostBlocks * Keys);
                Queries.Add(pass);
            }

            for (int r = 0; r < MostRows; r++)
            {
                double[] p = new double[Padded];
                for (int c = 0; c < dim; c++) p[c] = queries[(r * dim) + c];
                rotation.Apply(p);
                Rotated.Add(p);
            }
        }

        public int Padded { get; }

        public int BlockBytes { get; }

        public byte[] Blocks { get; }

        public List<SketchQueries> Queries { get; } = [];

        public List<double[]> Rotated { get; } = [];

        /// <summary>What the sketch of a key scores, in units of its step.</summary>
        public double Score(int row, int key) => _scores[(row * MostBlocks * Keys) + key] / (double)Step(key);

        /// <summary>The largest sum, in steps, that any of the keys comes by as pair of coordinates after pair is added.</summary>
        public double LargestPart(int row, int keys)
        {
            double largest = 0;
            for (int i = 0; i < keys; i++)
            {
                double sum = 0;
                for (int pair = 0; pair < Padded / 2; pair++)
                {
                    int code = Blocks[(i / Keys * BlockBytes) + (pair / 4 * 4 * Keys) + (i % Keys * 4) + (pair % 4)], c = (pair / 4 * 8) + (pair % 4);
                    sum += (Rotated[row][c] * ((code & 15) - 7.5)) + (Rotated[row][c + 4] * ((code >> 4) - 7.5));
                    largest = Math.Max(largest, Math.Abs(sum));
                }
            }
            return largest;
        }

        private Half Step(int key) => KeyBlocks.Steps(Blocks.AsSpan(key / Keys * BlockBytes, BlockBytes), Padded)[key % Keys];
    }
}
