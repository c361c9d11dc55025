using System.Collections.Concurrent;
using System.Diagnostics;

namespace Halfspace.Reporting;

/// <summary>Query costs measured on this machine, each once. Thread-safe; keep one to make later choices quick.</summary>
public sealed class IndexCosts
{
    private const int Small = 1 << 10;
    private const int Large = 1 << 13;
    private const int Queries = 8;

    private readonly ConcurrentDictionary<(string Structure, int Dimension, int Reported), (double Small, double Large)> _measured = new();

    /// <summary>The expected microseconds of a query.</summary>
    internal double Estimate(IndexStructure structure, int n, int dimension, int reported)
    {
        // Reported points are a share of both sizes where they are many, a number where they are few.
        double share = n == 0 ? 0 : (double)reported / n;
        int few = reported <= Small / 8 ? reported : -1;
        int atSmall = few >= 0 ? few : (int)(share * Small), atLarge = few >= 0 ? few : (int)(share * Large);
        (double small, double large) = _measured.GetOrAdd(
            (structure.Name, dimension, few >= 0 ? int.Log2(few + 1) : -1 - (int)(32 * share)),
            _ => (Measure(structure, Small, dimension, atSmall), Measure(structure, Large, dimension, atLarge)));
        double slope = Math.Clamp(Math.Log(large / small) / Math.Log((double)Large / Small), 0, 1.1);
        return n <= Small ? small : large * Math.Pow((double)n / Large, slope);
    }

    private static double Measure(IndexStructure structure, int n, int dimension, int reported)
    {
        Random random = new(1);
        PointSet points = PointSet.From(Gaussians(random, n * dimension), dimension);
        using HalfspaceIndex index = structure.Build(points, null);
        using FlatIndex flat = new(points);
        HitList hits = new();
        List<double> times = [];
        float[] point = new float[dimension];
        for (int i = 0; i < Queries; i++)
        {
            float[] query = Gaussians(random, dimension);

            // The bias is the score of the last of the largest.
            float bias = float.MaxValue;
            flat.ReportTop(query, Math.Max(reported, 1), hits);
            foreach (int id in hits.Ids)
            {
                points.CopyRow(id, point);
                double score = 0;
                for (int j = 0; j < dimension; j++) score += (double)query[j] * point[j];
                bias = Math.Min(bias, (float)score);
            }

            // Enough calls for the compiler's last tier, then the quickest of some.
            double best = double.MaxValue;
            for (int call = 0; call < 40; call++)
            {
                long start = Stopwatch.GetTimestamp();
                index.Report(query, bias, hits);
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }

            times.Add(best);
        }

        return Math.Max(0.05, times.Order().ElementAt(Queries / 2));
    }

    private static float[] Gaussians(Random random, int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }
}
