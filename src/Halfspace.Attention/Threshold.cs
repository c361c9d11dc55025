using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>A row's threshold: keys with s &gt; b are reported, and the first <paramref name="Ties"/> with s = b.</summary>
/// <param name="Bias">b, in nats.</param>
/// <param name="Ties">How many of the keys at b, in order of position.</param>
internal readonly record struct Threshold(float Bias, int Ties)
{
    /// <summary>Floats that <see cref="LeaveOut"/> works in: a histogram of weights and one of counts.</summary>
    public const int WorkLength = 3 * Bins;

    private const int Bits = 8, Bins = 1 << Bits, TopShift = 32 - Bits;

    /// <summary>The highest threshold that leaves out at most the allowed weight: keys are left out from the smallest score on, the last of
    /// equal ones first.</summary>
    /// <param name="scores">Finite.</param>
    /// <param name="weights">A weight for each score, the same for equal scores; empty for 1 each.</param>
    /// <param name="allowed">The weight that may be left out.</param>
    /// <param name="work">At least <see cref="WorkLength"/>.</param>
    /// <remarks>A radix selection over the bits of a score, eight at a time from the top: four sweeps, no sorting, exact.</remarks>
    public static Threshold LeaveOut(ReadOnlySpan<float> scores, ReadOnlySpan<float> weights, double allowed, Span<float> work)
    {
        Span<double> weight = MemoryMarshal.Cast<float, double>(work[..(2 * Bins)]);
        Span<int> count = MemoryMarshal.Cast<float, int>(work.Slice(2 * Bins, Bins));
        uint prefix = 0;
        double left = 0;
        for (int shift = TopShift; ; shift -= Bits)
        {
            weight.Clear();
            count.Clear();
            for (int i = 0; i < scores.Length; i++)
            {
                uint order = Order(scores[i]);
                if (shift < TopShift && order >> (shift + Bits) != prefix) continue;
                int bin = (int)(order >> shift) & (Bins - 1);
                weight[bin] += weights.IsEmpty ? 1 : weights[i];
                count[bin]++;
            }
            int at = 0;
            while (at < Bins - 1 && left + weight[at] <= allowed) left += weight[at++];
            if (left + weight[at] <= allowed)
            {
                if (shift == TopShift) return new Threshold(float.PositiveInfinity, 0);
                // The coarser bin was too heavy by a rounding only: its largest scores are the ones to look at.
                while (count[at] == 0) left -= weight[--at];
            }
            prefix = (prefix << Bits) | (uint)at;
            if (shift > 0) continue;
            double each = weight[at] / count[at];
            int drop = each > 0 ? (int)Math.Clamp((allowed - left) / each, 0, count[at]) : count[at];
            return new Threshold(Score(prefix), count[at] - drop);
        }
    }

    // The order of floats as the order of unsigned numbers; -0 is 0.
    private static uint Order(float score)
    {
        uint bits = BitConverter.SingleToUInt32Bits(score + 0f);
        return (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
    }

    private static float Score(uint order) => BitConverter.UInt32BitsToSingle((order & 0x80000000) != 0 ? order & 0x7FFFFFFF : ~order);
}
