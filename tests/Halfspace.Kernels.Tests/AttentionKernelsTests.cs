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
        Assert.Throws<ArgumentException>(() => kernels.ScoresAt(new float[8], 1, new nint[2], 8, new float[1], 2));
        Assert.Throws<ArgumentException>(() => kernels.ScoresAt(new float[9], 1, new nint[2], 8, new float[2], 2));
        Assert.Throws<ArgumentException>(() => kernels.ScoresAt(new float[16], 2, new nint[2], 8, new float[4], 1));
        Assert.Throws<ArgumentException>(() => kernels.AddValuesAt(new float[1], 1, 1, new nint[2], 0, 8, new float[8]));
        Assert.Throws<ArgumentException>(() => kernels.AddValuesAt(new float[2], 2, 1, new nint[2], 0, 8, new float[7]));
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
