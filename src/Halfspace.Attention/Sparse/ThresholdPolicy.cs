using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Chooses a row's threshold b from the scan, before any value is read, and marks the keys with s ≥ b; ties at b are among them.</summary>
internal sealed class ThresholdPolicy(AttentionKernels kernels, AttentionPolicy policy)
{
    // Of the keys that normal scores have above the paper's threshold, those that a prompt's rows read together. Measured: docs/decisions/0047.
    private const double PromptShare = 0.5;

    /// <summary>Whether the choice depends on what all keys weigh.</summary>
    public bool NeedsWeights => policy is AttentionPolicy.Mass or AttentionPolicy.Error;

    /// <summary>Whether b is known before a scan, and lies among the scores: then one sweep over the sketches does.</summary>
    public static bool IsForeseen(AttentionOptions options) =>
        options is { Policy: AttentionPolicy.Paper, Scores: ScoreSource.Sketch };

    /// <summary>b, where <see cref="IsForeseen"/>.</summary>
    /// <param name="mean">The mean of the scores.</param>
    /// <param name="deviation">Their deviation.</param>
    /// <param name="count">Keys.</param>
    public float Foresee(double mean, double deviation, int count) => policy is AttentionPolicy.Paper paper
        ? (float)(mean + (deviation * Math.Sqrt(paper.Scale * Math.Log(count))))
        : throw new InvalidOperationException($"The policy {policy} chooses after a scan.");

    /// <summary>Keys of an index of so many that a prompt's rows read together, where <see cref="IsForeseen"/>: a share of n^(1−c/2), what normal scores have
    /// above the paper's threshold.</summary>
    public static int PromptKeys(AttentionOptions options, int count) => options.Policy is AttentionPolicy.Paper paper
        ? (int)Math.Ceiling(PromptShare * Math.Pow(count, 1 - (paper.Scale / 2)))
        : throw new InvalidOperationException($"The policy {options.Policy} chooses after a scan.");

    /// <summary>Marks the keys reported, a bit a slot; what is marked stays so.</summary>
    /// <param name="row">The scan of a row.</param>
    /// <param name="marks">A bit for each slot.</param>
    /// <param name="scratch">Buffers.</param>
    /// <returns>b.</returns>
    public float Mark(in IndexScores row, Span<ulong> marks, AttentionScratch scratch)
    {
        float bias = policy switch
        {
            AttentionPolicy.Budget budget => Largest(row, budget.Keys, scratch),
            AttentionPolicy.Fixed given => given.Bias,
            AttentionPolicy.Paper paper => OfPaper(row, paper.Scale),
            AttentionPolicy.Mass mass => UntilEnough(row, new MassLeft(mass.Tail * (row.Mass + row.WindowMass)), scratch),
            AttentionPolicy.Error error => UntilEnough(row, new ErrorLeft(row, error.Relative), scratch),
            _ => throw new InvalidOperationException($"The policy {policy} is not known."),
        };
        for (int c = 0; c < row.Totals.Length; c++)
            kernels.Mark(row.Of(c), Least(bias, row.Bases[c]), marks[(row.FirstSlot(c) / 64)..]);
        return bias;
    }

    // The least t with t + shift ≥ bias as floats add: what a threshold was chosen by must reach it, and rounding bias − shift may not.
    public static float Least(float bias, float shift)
    {
        double least = (((double)bias + MathF.BitDecrement(bias)) / 2) - shift;
        float bound = (float)least;
        return bound > least ? MathF.BitDecrement(bound) : bound;
    }

    /// <summary>Whether what a threshold leaves out is little enough.</summary>
    private interface IEnough
    {
        bool Is(int count, double mass, double square);
    }

    private readonly struct MassLeft(double allowed) : IEnough
    {
        public bool Is(int count, double mass, double square) => mass <= allowed;
    }

    // The certificate's leading terms for the index as one cluster, against the norm that the mean of its values has.
    private readonly struct ErrorLeft(in IndexScores row, double relative) : IEnough
    {
        private readonly double _allowed = relative * row.ValueNorm * (row.Mass + row.WindowMass) / (row.Spread * row.Doubt);

        public bool Is(int count, double mass, double square) =>
            count == 0 || Math.Sqrt(Math.Max(0, square - (mass * mass / count))) <= _allowed;
    }

    private static float OfPaper(in IndexScores row, double scale)
    {
        (double mean, double deviation) = row.Moments;
        return (float)(mean + (deviation * Math.Sqrt(scale * Math.Log(row.Count))));
    }

    // A normal distribution's tail says where to look; real scores have heavier ones, so it is moved until there are enough.
    private float Largest(in IndexScores row, int keys, AttentionScratch scratch)
    {
        int count = row.Count;
        if (keys >= count) return float.NegativeInfinity;
        (double mean, double deviation) = row.Moments;
        double guess = mean + (deviation * NormalTail.Quantile(1.5 * keys / count));
        ReadOnlySpan<float> listed = Collect(row, (float)guess, scratch);
        for (int tries = 0; listed.Length < keys; tries++)
        {
            guess = tries < 8 && deviation > 0 ? guess - (0.3 * deviation) : double.NegativeInfinity;
            listed = Collect(row, (float)guess, scratch);
        }

        // Halving the range of thresholds does not branch on the scores, which are in no order.
        float low = (float)guess, high = row.Max;
        if (float.IsNegativeInfinity(low)) low = Least(listed);
        for (int i = 0; i < 30; i++)
        {
            float middle = low + ((high - low) / 2);
            if (!(middle > low && middle < high)) break;
            int above = kernels.Count(listed, middle);
            if (above >= keys) low = middle;
            else high = middle;
            if (above == keys) break;
        }
        return low;
    }

    // Thresholds are tried on a grid of sixteenths of a nat below the largest score, in a histogram of the keys listed so far.
    private float UntilEnough<TEnough>(in IndexScores row, TEnough enough, AttentionScratch scratch)
        where TEnough : struct, IEnough
    {
        const int PerNat = 16, Bins = 1024;
        int all = row.Count;
        double mass = row.Mass, square = 0;
        foreach (IndexSums sums in row.Totals) square += sums.Square;
        Span<int> counts = stackalloc int[Bins];
        Span<double> masses = stackalloc double[Bins], squares = stackalloc double[Bins];
        for (double depth = 6; depth <= Bins / PerNat; depth *= 1.5)
        {
            ReadOnlySpan<float> listed = Collect(row, (float)(row.Max - depth), scratch);
            int bins = (int)(depth * PerNat);
            counts[..bins].Clear();
            masses[..bins].Clear();
            squares[..bins].Clear();
            foreach (float s in listed)
            {
                int bin = Math.Clamp((int)((row.Max - s) * PerNat), 0, bins - 1);
                double e = Math.Exp((double)s - row.Max);
                counts[bin]++;
                masses[bin] += e;
                squares[bin] += e * e;
            }
            int left = all;
            double massLeft = mass, squareLeft = square;
            for (int bin = 0; bin < bins - 1; bin++)
            {
                left -= counts[bin];
                massLeft -= masses[bin];
                squareLeft -= squares[bin];
                if (counts[bin] > 0 && enough.Is(left, massLeft, squareLeft)) return row.Max - ((bin + 1) / (float)PerNat);
            }
        }
        return float.NegativeInfinity;
    }

    private static float Least(ReadOnlySpan<float> scores)
    {
        float least = float.PositiveInfinity;
        foreach (float s in scores) least = MathF.Min(least, s);
        return least;
    }

    // The scores that are at least a bound, with their clusters' own added.
    private ReadOnlySpan<float> Collect(in IndexScores row, float bias, AttentionScratch scratch)
    {
        Span<float> scores = scratch.Products(row.Count + kernels.Width);
        int found = 0;
        for (int c = 0; c < row.Totals.Length; c++)
        {
            float shift = row.Bases[c];
            int more = kernels.Collect(row.Of(c), bias - shift, scores[found..]);
            kernels.Shift(scores.Slice(found, more), shift);
            found += more;
        }
        return scores[..found];
    }
}
