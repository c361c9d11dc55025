namespace Halfspace.Kernels.Tests;

public sealed class AttentionKernelsTests
{
    private static readonly int[] Counts = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100];

    public static TheoryData<SimdTier> All => Tiers.All;

    [Theory, MemberData(nameof(All))]
    public void Scores_of_integers_are_exact(SimdTier tier)
    {
        foreach (int dim in Tiers.Dims)
        {
            for (int rows = 0; rows <= 9; rows++)
            {
                int count = Counts[(rows + dim) % Counts.Length], stride = count + 3;
                float[] queries = Data.Integers(rows * dim, seed: rows), keys = Data.Integers(count * dim, seed: dim);
                float[] scores = new float[rows * stride];
                AttentionKernels.For(tier).Scores(queries, rows, Data.Halves(keys), dim, scores, stride);
                for (int r = 0; r < rows; r++)
                    for (int i = 0; i < stride; i++)
                        Assert.Equal(i < count ? Dot(queries.AsSpan(r * dim, dim), keys.AsSpan(i * dim, dim)) : 0,
                            scores[(r * stride) + i]);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Sums_of_integer_values_are_exact_and_added(SimdTier tier)
    {
        foreach (int dim in Tiers.Dims)
        {
            for (int rows = 0; rows <= 9; rows++)
            {
                int count = Counts[(rows + dim) % Counts.Length];
                float[] weights = Data.Integers(rows * (count + 2), seed: rows), values = Data.Integers(count * dim, seed: dim);
                float[] sums = Data.Integers(rows * dim, seed: 5), expected = [.. sums];
                for (int r = 0; r < rows; r++)
                    for (int i = 0; i < count; i++)
                        for (int c = 0; c < dim; c++) expected[(r * dim) + c] += weights[(r * (count + 2)) + i] * values[(i * dim) + c];
                AttentionKernels.For(tier).AddValues(weights, count + 2, rows, Data.Halves(values), dim, sums);
                Assert.Equal(expected, sums);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public unsafe void Keys_and_values_by_address_are_those_in_order(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int dim in Tiers.Dims)
        {
            // Keys, then their values, in an order of their own.
            Half[] memory = GC.AllocateArray<Half>(80 * dim, pinned: true);
            Data.Halves(Data.Integers(80 * dim, seed: dim)).CopyTo(memory, 0);
            nint start = (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref memory[0]);
            for (int rows = 1; rows <= 9; rows++)
            {
                int[] order = [.. Enumerable.Range(0, 40).Where(i => i % 7 != rows % 7).OrderBy(i => i * 17 % 40)];
                nint[] addresses = [.. order.Select(i => start + ((nint)i * dim * 2))];
                float[] queries = Data.Integers(rows * dim, seed: rows), scores = new float[rows * 50], sums = new float[rows * dim];
                AttentionKernels.Ask(addresses, 80 * dim, dim);
                kernels.ScoresAt(queries, rows, addresses, dim, scores, 50);
                kernels.AddValuesAt(scores, 50, rows, addresses, 80 * dim, dim, sums);
                for (int r = 0; r < rows; r++)
                {
                    float[] expected = new float[dim];
                    for (int i = 0; i < order.Length; i++)
                    {
                        float score = 0;
                        for (int c = 0; c < dim; c++) score += queries[(r * dim) + c] * (float)memory[(order[i] * dim) + c];
                        Assert.Equal(score, scores[(r * 50) + i]);
                        for (int c = 0; c < dim; c++) expected[c] += score * (float)memory[((order[i] + 40) * dim) + c];
                    }
                    Assert.Equal(expected, sums[(r * dim)..((r + 1) * dim)]);
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Products_of_integers_are_exact_whatever_the_strides(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int registers in (int[])[1, 2, 3, 4, 5])
        {
            int columns = registers * kernels.Width;
            for (int rows = 1; rows <= 14; rows++)
            {
                int inner = Counts[rows], bRow = columns + 3, cRow = columns + 1;
                float[] a = Data.Integers(rows * (inner + 1), seed: rows), b = Data.Integers((inner * bRow) + columns, seed: columns);
                foreach (bool turned in (bool[])[false, true])
                {
                    int aRow = turned ? 1 : inner + 1, aInner = turned ? rows : 1;
                    foreach (bool add in (bool[])[false, true])
                    {
                        float[] c = Data.Integers(rows * cRow, seed: 9), expected = [.. c];
                        for (int r = 0; r < rows; r++)
                        {
                            for (int j = 0; j < columns; j++)
                            {
                                float sum = add ? c[(r * cRow) + j] : 0;
                                for (int k = 0; k < inner; k++) sum += a[(r * aRow) + (k * aInner)] * b[(k * bRow) + j];
                                expected[(r * cRow) + j] = sum;
                            }
                        }
                        kernels.Product(a, aRow, aInner, b, bRow, c, cRow, rows, inner, columns, add);
                        Assert.Equal(expected, c);
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Exponentials_are_within_two_units_in_the_last_place(SimdTier tier)
    {
        float[] x = new float[1 << 20], e = new float[1 << 20];
        for (int i = 0; i < x.Length; i++) x[i] = -87f + (i * (175f / x.Length));
        AttentionKernels.For(tier).Exponentials(x, 0, e);
        double worst = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double exact = Math.Exp(x[i]), unit = MathF.BitIncrement((float)exact) - (float)exact;
            worst = Math.Max(worst, Math.Abs(e[i] - exact) / unit);
        }
        Assert.True(worst <= 2, $"{worst} units");
    }

    [Theory, MemberData(nameof(All))]
    public void Exponentials_vanish_far_below(SimdTier tier)
    {
        float[] x = [-87.01f, -88, -100, -1e10f, -3e38f, float.NegativeInfinity, 0, -87.01f, -88, -100, -1e10f, -3e38f,
            float.NegativeInfinity, 0, 0, -1e30f, 0];
        float[] e = new float[x.Length];
        float sum = AttentionKernels.For(tier).Exponentials(x, 0, e);
        Assert.Equal(x.Select(v => v == 0 ? 1f : 0f), e);
        Assert.Equal(4, sum);
    }

    [Theory, MemberData(nameof(All))]
    public void Sums_of_exponentials_are_those_of_double(SimdTier tier)
    {
        foreach (int count in Counts)
        {
            float[] scores = Data.Floats(count, seed: count, scale: 9), weights = new float[count];
            AttentionKernels kernels = AttentionKernels.For(tier);
            float max = kernels.Max(scores);
            Assert.Equal(count == 0 ? float.NegativeInfinity : scores.Max(), max);
            double sum = 0, weighted = 0;
            foreach (float s in scores)
            {
                sum += Math.Exp((double)s - max);
                weighted += Math.Exp((double)s - max) * ((double)s - max);
            }
            ScoreSums sums = kernels.SumScores(scores, max);
            Assert.Equal(sum, sums.Exponential, 1e-5 * sum);
            Assert.Equal(weighted, sums.Weighted, (1e-5 * Math.Abs(weighted)) + 1e-6);
            Assert.Equal(scores.Sum(s => Math.Exp(2 * ((double)s - max))), sums.Square, 1e-5 * sum);
            ScoreMoments moments = kernels.MeasureScores(scores);
            Assert.Equal(max, moments.Max);
            Assert.Equal(scores.Sum(s => (double)s), moments.Score, 1e-3);
            Assert.Equal(scores.Sum(s => (double)s * s), moments.ScoreSquare, 1e-5 * (1 + scores.Sum(s => (double)s * s)));
            Assert.Equal(sum, kernels.Exponentials(scores, max, weights), 1e-5 * sum);
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Large_scores_are_found(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int count in Counts)
        {
            float[] scores = Data.Integers(count, seed: count), copied = new float[count + kernels.Width];
            foreach (float bound in (float[])[float.NegativeInfinity, -8, 3, 8, 9, float.PositiveInfinity])
            {
                float[] expected = [.. scores.Where(s => s >= bound)];
                Assert.Equal(expected.Length, kernels.Count(scores, bound));
                Assert.Equal(expected.Length, kernels.Collect(scores, bound, copied));
                Assert.Equal(expected, copied[..expected.Length]);
                ulong[] marks = new ulong[(count / 64) + 1];
                marks[^1] = 1UL << 63;
                kernels.Mark(scores, bound, marks);
                for (int i = 0; i < count; i++)
                    Assert.Equal(scores[i] >= bound || i == (marks.Length * 64) - 1, (marks[i / 64] >> (i % 64) & 1) == 1);
                Assert.True(marks[^1] >> 63 == 1);
            }
            float[] shifted = [.. scores];
            kernels.Shift(shifted, 2.5f);
            Assert.Equal(scores.Select(s => s + 2.5f), shifted);
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Softmax_by_blocks_is_softmax(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        int columns = 3 * kernels.Width;
        float[] scores = Data.Floats(50 * columns, seed: 3, scale: 20), max = new float[columns], sum = new float[columns],
            scale = new float[columns];
        Array.Fill(max, -1e30f);
        float[] weights = [.. scores];
        double[] total = new double[columns];
        int first = 0;
        foreach (int rows in (int[])[7, 1, 40, 2])
        {
            kernels.SoftmaxStep(weights.AsSpan(first * columns), columns, rows, max, sum, scale);
            for (int c = 0; c < columns; c++)
            {
                total[c] *= scale[c];
                for (int r = first; r < first + rows; r++) total[c] += weights[(r * columns) + c];
            }
            first += rows;
        }
        for (int c = 0; c < columns; c++)
        {
            double expected = 0;
            float top = float.NegativeInfinity;
            for (int r = 0; r < 50; r++) top = MathF.Max(top, scores[(r * columns) + c]);
            for (int r = 0; r < 50; r++) expected += Math.Exp(scores[(r * columns) + c] - (double)top);
            Assert.Equal(top, max[c]);
            Assert.Equal(expected, sum[c], 1e-5 * expected);
            Assert.Equal(expected, total[c], 1e-5 * expected);
        }
    }

    [Theory, MemberData(nameof(All))]
    public void A_compensated_sum_keeps_what_a_float_loses(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        float[] high = new float[37], low = new float[37];
        double[] exact = new double[37];
        for (int step = 0; step < 20_000; step++)
        {
            float[] term = Data.Floats(37, seed: step, scale: step % 100 == 0 ? 1e6f : 1);
            kernels.AddCompensated(term, high, low);
            for (int i = 0; i < 37; i++) exact[i] += term[i];
        }
        for (int i = 0; i < 37; i++)
        {
            Assert.Equal((float)exact[i], high[i], 2e-7 * Math.Abs(exact[i]));
            Assert.Equal(exact[i], (double)high[i] + low[i], 1e-3);
        }
    }

    [Fact]
    public void Shapes_that_do_not_match_are_refused()
    {
        AttentionKernels kernels = AttentionKernels.For(Simd.Selected);
        Assert.Throws<ArgumentException>(() => kernels.Narrow(new float[2], new Half[1]));
        Assert.Throws<ArgumentException>(() => kernels.Scores(new float[8], 1, new Half[12], 8, new float[2], 2));
        Assert.Throws<ArgumentException>(() => kernels.Scores(new float[16], 2, new Half[16], 8, new float[3], 2));
        Assert.Throws<ArgumentException>(() => kernels.AddValues(new float[1], 2, 1, new Half[16], 8, new float[8]));
        Assert.Throws<ArgumentException>(() => kernels.AddValuesAt(new float[1], 1, 1, [0, 0], 0, 8, new float[8]));
        Assert.Throws<ArgumentException>(() => kernels.ScoresAt(new float[8], 1, [0, 0], 8, new float[1], 2));
        Assert.Throws<ArgumentException>(() => kernels.Collect(new float[8], 0, new float[8]));
        Assert.Throws<ArgumentException>(() => kernels.Mark(new float[65], 0, new ulong[1]));
        Assert.Throws<ArgumentException>(() =>
            kernels.Product(new float[4], 2, 1, new float[64], 32, new float[31], 32, 1, 2, 2 * kernels.Width * 2, add: false));
    }

    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float sum = 0;
        for (int c = 0; c < a.Length; c++) sum += a[c] * b[c];
        return sum;
    }
}
