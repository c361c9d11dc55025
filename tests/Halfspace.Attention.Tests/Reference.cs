namespace Halfspace.Attention.Tests;

/// <summary>What sparse attention says, computed in double straight from design: a plain sort for the report, plain sums over the
/// tail.</summary>
internal static class Reference
{
    /// <param name="query">[d], unscaled.</param>
    /// <param name="keys">[visible, d].</param>
    /// <param name="values">[visible, d].</param>
    /// <param name="reported">Whether a key is read exactly.</param>
    /// <param name="output">[d].</param>
    /// <param name="affine">False: the tail is the mean value.</param>
    public static void Sparse(ReadOnlySpan<float> query, ReadOnlySpan<Half> keys, ReadOnlySpan<Half> values, bool[] reported,
        Span<double> output,
        bool affine = true)
    {
        double[] scores = Scores(query, keys);
        int dim = query.Length;
        double max = scores.Max(), sum = 0, mass = 0, weighted = 0, mean = 0, square = 0;
        double[] value = new double[dim], product = new double[dim];
        output.Clear();
        int count = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            double e = Math.Exp(scores[i] - max);
            sum += e;
            if (!reported[i])
            {
                count++;
                mass += e;
                weighted += e * scores[i];
                mean += scores[i];
                square += scores[i] * scores[i];
            }
            for (int c = 0; c < dim; c++)
            {
                double v = (double)values[(i * dim) + c];
                if (reported[i])
                {
                    output[c] += e * v;
                }
                else
                {
                    value[c] += v;
                    product[c] += v * scores[i];
                }
            }
        }
        if (count > 0 && mass > 0)
        {
            mean /= count;
            double variance = (square / count) - (mean * mean);
            for (int c = 0; c < dim; c++)
            {
                double middle = value[c] / count;
                double slope = affine && variance > 1e-9 ? ((product[c] / count) - (middle * mean)) / variance : 0;
                output[c] += mass * (middle + (slope * ((weighted / mass) - mean)));
            }
        }
        for (int c = 0; c < dim; c++) output[c] /= sum;
    }

    /// <summary>Which keys a row with a budget reads by itself: sinks, the window, the best of the index and all that equal the least of them.</summary>
    public static bool[] Budget(double[] scores, int sinks, int end, int keys)
    {
        bool[] reported = new bool[scores.Length];
        double[] order = [.. scores[..end].OrderDescending()];
        double bias = order[Math.Min(keys, end) - 1];
        for (int i = 0; i < scores.Length; i++) reported[i] = i < sinks || i >= end || scores[i] >= bias - 1e-6;
        return reported;
    }

    public static double[] Scores(ReadOnlySpan<float> query, ReadOnlySpan<Half> keys)
    {
        int dim = query.Length;
        double[] scores = new double[keys.Length / dim];
        for (int i = 0; i < scores.Length; i++)
        {
            for (int c = 0; c < dim; c++) scores[i] += (double)query[c] * (double)keys[(i * dim) + c];
            scores[i] /= Math.Sqrt(dim);
        }
        return scores;
    }
}
