namespace Halfspace.Cli.Bench.Attention;

/// <summary>What was measured of one kernel: microseconds of a call by round, and relative errors of heads.</summary>
internal sealed class AttentionTimes(int rounds)
{
    public double[] Microseconds { get; } = new double[rounds];

    public List<double> Errors { get; } = [];

    public static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
