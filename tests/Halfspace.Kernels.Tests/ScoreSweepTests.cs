namespace Halfspace.Kernels.Tests;

/// <summary>Sweeps over a row of scores against plain loops, at every length around a register's and a word's.</summary>
public sealed class ScoreSweepTests
{
    // Far below any score, as a key that is taken out of a scan.
    private const float Hidden = -1e30f;

    private static readonly float[] Bounds =
        [float.NegativeInfinity, -9, -8, -7.5f, -0f, 0, 3, 3.0000002f, 8, 8.5f, float.PositiveInfinity];

    public static TheoryData<SimdTier> All => Tiers.All;

    private static IEnumerable<int> Lengths => [.. Enumerable.Range(0, 70), 100, 127, 128, 129, 191, 192, 193, 1000];

    [Theory, MemberData(nameof(All))]
    public void Scores_of_at_least_a_bound_are_counted_collected_and_marked(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int count in Lengths)
        {
            // Many are equal to one another and to the bounds.
            float[] scores = Data.Integers(count, seed: count);
            foreach (float bound in Bounds)
            {
                float[] expected = [.. scores.Where(s => s >= bound)], into = new float[count + kernels.Width + 3];
                Array.Fill(into, 99);
                Assert.Equal(expected.Length, kernels.Count(scores, bound));
                int found = kernels.Collect(scores, bound, into.AsSpan(0, count + kernels.Width));
                Assert.Equal(expected, into[..found]);
                Assert.Equal([99, 99, 99], into[^3..]);

                ulong[] marks = new ulong[((count + 63) / 64) + 1], before = [.. marks.Select((_, i) => 0x1248_0000_0000_0000ul << i)];
                before.CopyTo(marks, 0);
                kernels.Mark(scores, bound, marks);
                for (int i = 0; i < marks.Length * 64; i++)
                {
                    bool set = (before[i / 64] >> (i % 64) & 1) != 0 || (i < count && scores[i] >= bound);
                    Assert.Equal(set, (marks[i / 64] >> (i % 64) & 1) != 0);
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Numbers_are_shifted_and_scaled_in_place(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int count in Lengths)
        {
            float[] scores = Data.Floats(count, seed: count, scale: 9), shifted = [.. scores, 7, 7], scaled = [.. shifted];
            kernels.Shift(shifted.AsSpan(0, count), -1.7f);
            kernels.Scale(scaled.AsSpan(0, count), 0.3f);
            Assert.Equal([.. scores.Select(s => s - 1.7f), 7, 7], shifted);
            Assert.Equal([.. scores.Select(s => s * 0.3f), 7, 7], scaled);
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Sums_of_weights_are_those_of_double(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int count in Lengths)
        {
            float[] scores = Data.Floats(count, seed: count, scale: 30), weights = new float[count];
            // Some are taken out; they weigh nothing.
            for (int i = 5; i < count; i += 7) scores[i] = Hidden;
            float max = kernels.Max(scores);
            Assert.Equal(count == 0 ? float.NegativeInfinity : scores.Max(), max);
            foreach (float reference in (float[])[max, max + 3])
            {
                double sum = 0, weighted = 0, square = 0;
                foreach (float s in scores)
                {
                    double u = (double)s - reference, e = u < -87 ? 0 : Math.Exp(u);
                    sum += e;
                    weighted += e * u;
                    square += e * e;
                }
                ScoreSums sums = count == 0 ? default : kernels.SumScores(scores, reference);
                Assert.Equal(sum, sums.Exponential, 1e-5 * sum);
                Assert.Equal(weighted, sums.Weighted, (1e-5 * Math.Abs(weighted)) + (1e-6 * sum));
                Assert.Equal(square, sums.Square, 1e-5 * square);
                if (count > 0) Assert.Equal(sum, kernels.Exponentials(scores, reference, weights), 1e-5 * sum);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Moments_of_integer_scores_are_exact(SimdTier tier)
    {
        foreach (int count in Lengths)
        {
            float[] scores = Data.Integers(count, seed: count);
            ScoreMoments moments = AttentionKernels.For(tier).MeasureScores(scores);
            Assert.Equal(count == 0 ? float.NegativeInfinity : scores.Max(), moments.Max);
            Assert.Equal(scores.Sum(), moments.Score);
            Assert.Equal(scores.Sum(s => s * s), moments.ScoreSquare);
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Room_is_checked(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        Assert.Throws<ArgumentException>(() => kernels.Collect(new float[20], 0, new float[20 + kernels.Width - 1]));
        Assert.Throws<ArgumentException>(() => kernels.Mark(new float[65], 0, new ulong[1]));
        Assert.Throws<ArgumentException>(() => kernels.Exponentials(new float[3], 0, new float[2]));
    }

    [Theory, MemberData(nameof(All))]
    public void Rows_are_marked_together(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int count in Lengths)
        {
            const int Rows = 3;
            int stride = Words(count) + 5;
            float[] scores = Data.Integers(Rows * stride, seed: count), bounds = [6, float.PositiveInfinity, -7];
            ulong[] marks = new ulong[Words(count) / 64];
            // What lies beyond the scores may be anything.
            for (int r = 0; r < Rows; r++) scores.AsSpan((r * stride) + count, stride - count).Fill(r == 0 ? float.NaN : float.PositiveInfinity);
            kernels.MarkRows(scores, stride, count, bounds, marks);
            for (int i = 0; i < marks.Length * 64; i++)
            {
                bool set = i < count && Enumerable.Range(0, Rows).Any(r => scores[(r * stride) + i] >= bounds[r]);
                Assert.Equal(set, (marks[i / 64] >> (i % 64) & 1) != 0);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Tails_are_summed_without_what_is_marked(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int count in Lengths)
        {
            const int Rows = 2;
            int stride = Words(count) + 3;
            float[] scores = Data.Floats(Rows * stride, seed: count + 1, scale: 30), references = [30, 35];
            ulong[] marks = [.. Enumerable.Range(0, Words(count) / 64).Select(i => 0x8421_0F00_FF00_1248ul << i)];
            // What is read may be far above the reference, so far that its weight would be no number.
            for (int i = 0; i < count; i++)
                if ((marks[i / 64] >> (i % 64) & 1) != 0) scores[i] = i % 3 == 0 ? 119 : 500;
            for (int r = 0; r < Rows; r++) scores.AsSpan((r * stride) + count, stride - count).Fill(float.NaN);
            float[] given = [.. scores], work = new float[Words(count)], running = new float[Rows * kernels.TailLength];
            TailSums[] sums = new TailSums[Rows];
            kernels.AddTails(scores, stride, count, marks, references, work, running);
            kernels.TotalTails(running, sums);
            // Once more adds as much again.
            TailSums[] twice = new TailSums[Rows];
            kernels.AddTails(scores, stride, count, marks, references, work, running);
            kernels.TotalTails(running, twice);
            for (int r = 0; r < Rows; r++)
            {
                double sum = 0, weighted = 0, square = 0, score = 0, all = 0, size = 0;
                for (int i = 0; i < count; i++)
                {
                    double t = given[(r * stride) + i], e = Math.Exp(t - references[r]);
                    all += t * t;
                    if ((marks[i / 64] >> (i % 64) & 1) != 0) continue;
                    (sum, weighted, square, score, size) = (sum + e, weighted + (e * t), square + (e * e), score + t, size + Math.Abs(t));
                }
                Assert.Equal(sum, sums[r].Exponential, (Off * sum) + 1e-35);
                Assert.Equal(weighted, sums[r].Weighted, (Off * 30 * sum) + 1e-33);
                Assert.Equal(square, sums[r].Square, (2 * Off * square) + 1e-37);
                Assert.Equal(score, sums[r].Score, 1e-5 * size);
                Assert.Equal(all, sums[r].ScoreSquare, 1e-5 * all);
                Assert.Equal(2 * sums[r].Exponential, twice[r].Exponential, 1e-5 * sum);
                Assert.Equal(2 * sums[r].ScoreSquare, twice[r].ScoreSquare, 1e-5 * all);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Weights_of_a_tail_are_as_near_as_is_said(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        const int Count = 1 << 12;
        float[] sums = new float[kernels.TailLength], work = new float[64];
        TailSums[] total = new TailSums[1];
        double mean = 0;
        for (int i = 0; i < Count; i++)
        {
            // Over a factor of 2, ln 2 in steps.
            float[] score = new float[64];
            score[0] = (float)(-3 - (i * Math.Log(2) / Count));
            sums.AsSpan().Clear();
            kernels.AddTails(score, 64, 1, [0ul], [0], work, sums);
            kernels.TotalTails(sums, total);
            double share = total[0].Exponential / Math.Exp(score[0]);
            Assert.InRange(Math.Abs(Math.Log(share)), 0, AttentionKernels.TailError);
            mean += share / Count;
        }
        Assert.Equal(1, mean, 3e-4);
    }

    [Theory, MemberData(nameof(All))]
    public void Weights_far_below_the_reference_vanish_and_do_not_wrap(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        float[] scores = [.. Enumerable.Range(0, 64).Select(i => i % 2 == 0 ? -1e4f : -100f)], running = new float[kernels.TailLength];
        TailSums[] sums = new TailSums[1];
        kernels.AddTails(scores, 64, 64, [0ul], [0], new float[64], running);
        kernels.TotalTails(running, sums);
        Assert.InRange(sums[0].Exponential, 0, 1e-35f);
        Assert.InRange(sums[0].Square, 0, 1e-35f);
    }

    private const double Off = 0.0036;

    private static int Words(int count) => (count + 63) / 64 * 64;
}
