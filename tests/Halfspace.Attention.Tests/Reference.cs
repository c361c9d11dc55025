namespace Halfspace.Attention.Tests;

/// <summary>What sparse attention says, computed in double straight from the design: plain sorts for the report, plain sums over the
/// tail.</summary>
internal static class Reference
{
    /// <summary>Attention with the tail of unreported keys as one cluster.</summary>
    /// <param name="query">[d], unscaled.</param>
    /// <param name="keys">[visible, d].</param>
    /// <param name="values">[visible, d].</param>
    /// <param name="reported">Whether a key is read exactly.</param>
    /// <param name="tail">What stands for the others.</param>
    public static double[] Sparse(
        ReadOnlySpan<float> query, ReadOnlySpan<Half> keys, ReadOnlySpan<Half> values, bool[] reported, TailKind tail = TailKind.Affine)
    {
        double[] scores = Scores(query, keys);
        int dim = query.Length;
        double max = scores.Max(), sum = 0, mass = 0, weighted = 0, mean = 0, square = 0;
        double[] value = new double[dim], product = new double[dim], output = new double[dim];
        int count = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            double e = Math.Exp(scores[i] - max);
            if (reported[i])
            {
                sum += e;
                for (int c = 0; c < dim; c++) output[c] += e * (double)values[(i * dim) + c];
                continue;
            }
            if (tail == TailKind.None) continue;
            count++;
            sum += e;
            mass += e;
            weighted += e * scores[i];
            mean += scores[i];
            square += scores[i] * scores[i];
            for (int c = 0; c < dim; c++)
            {
                value[c] += (double)values[(i * dim) + c];
                product[c] += (double)values[(i * dim) + c] * scores[i];
            }
        }
        if (mass > 0)
        {
            mean /= count;
            double variance = (square / count) - (mean * mean);
            for (int c = 0; c < dim; c++)
            {
                double middle = value[c] / count;
                double slope = tail == TailKind.Affine && variance > 1e-9 ? ((product[c] / count) - (middle * mean)) / variance : 0;
                output[c] += mass * (middle + (slope * ((weighted / mass) - mean)));
            }
        }
        for (int c = 0; c < dim; c++) output[c] /= sum;
        return output;
    }

    /// <summary>Which keys a group reads: sinks, the window, and what a policy reports for any of its heads.</summary>
    /// <param name="data">Keys and queries.</param>
    /// <param name="position">The row.</param>
    /// <param name="options">Sinks.</param>
    /// <param name="indexed">Keys in the index.</param>
    /// <param name="threshold">b of the scores of the index.</param>
    /// <returns>Whether each visible key is read; all are where less than an eighth of the index would be left.</returns>
    public static bool[] Reported(Case data, int position, AttentionOptions options, int indexed, Func<double[], double> threshold)
    {
        bool[] reported = [.. Enumerable.Range(0, position + 1).Select(i => i < options.Sinks || i >= indexed)];
        for (int h = 0; h < data.Group; h++)
        {
            double[] scores = Scores(data.Query(position, h), data.Keys.AsSpan(0, (position + 1) * data.Dim));
            double bias = threshold(scores[..indexed]);
            for (int i = 0; i < indexed; i++) reported[i] |= scores[i] >= bias;
        }
        if (reported.Count(r => !r) * 8 < indexed) Array.Fill(reported, true);
        return reported;
    }

    /// <summary>The threshold of a policy that looks at a row's own scores over the index only.</summary>
    public static double Threshold(AttentionPolicy policy, double[] scores)
    {
        switch (policy)
        {
            case AttentionPolicy.Budget budget:
                return budget.Keys >= scores.Length ? double.NegativeInfinity : scores.OrderDescending().ElementAt(budget.Keys - 1);
            case AttentionPolicy.Fixed given:
                return given.Bias;
            case AttentionPolicy.Paper paper:
                double mean = scores.Average(), variance = scores.Average(s => (s - mean) * (s - mean));
                return mean + Math.Sqrt(variance * paper.Scale * Math.Log(scores.Length));
            default:
                throw new ArgumentException($"{policy} looks at more than scores.", nameof(policy));
        }
    }

    public static double[] Scores(ReadOnlySpan<float> query, ReadOnlySpan<Half> keys)
    {
        int dim = query.Length;
        double[] scores = new double[keys.Length / dim];
        float[] wide = Contexts.Widen(keys);
        for (int i = 0; i < scores.Length; i++)
        {
            for (int c = 0; c < dim; c++) scores[i] += (double)query[c] * wide[(i * dim) + c];
            scores[i] /= Math.Sqrt(dim);
        }
        return scores;
    }

    /// <summary>‖output − expected‖₂ / ‖expected‖₂.</summary>
    public static double RelativeError(ReadOnlySpan<float> output, double[] expected) => Distance(output, expected) / Norm(expected);

    public static double Distance(ReadOnlySpan<float> output, double[] expected)
    {
        double squares = 0;
        for (int c = 0; c < expected.Length; c++) squares += (output[c] - expected[c]) * (output[c] - expected[c]);
        return Math.Sqrt(squares);
    }

    public static double Norm(double[] vector) => Math.Sqrt(vector.Sum(x => x * x));
}
