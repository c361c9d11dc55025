using System.Runtime.CompilerServices;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting.Geometry;

/// <summary>Which of two points is further in a direction, in the real numbers.</summary>
internal static class ScoreOrder
{
    /// <summary>True where ⟨query, p⟩ &gt; ⟨query, q⟩. Points of the plane or of space.</summary>
    public static bool IsHigher(ReadOnlySpan<float> query, ReadOnlySpan<float> p, ReadOnlySpan<float> q)
    {
        double difference = 0, size = 0;
        for (int i = 0; i < query.Length; i++)
        {
            double first = (double)query[i] * p[i], second = (double)query[i] * q[i];
            difference += first - second;
            size += Math.Abs(first) + Math.Abs(second);
        }

        double error = ((2 * query.Length) + 2) * 1.2e-16 * size;
        return Math.Abs(difference) > error ? difference > 0 : IsHigherExactly(query, p, q);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsHigherExactly(ReadOnlySpan<float> query, ReadOnlySpan<float> p, ReadOnlySpan<float> q)
    {
        int dim = query.Length;
        Span<float> weights = stackalloc float[2 * dim], values = stackalloc float[2 * dim];
        for (int i = 0; i < dim; i++)
        {
            (weights[i], weights[dim + i]) = (query[i], -query[i]);
            (values[i], values[dim + i]) = (q[i], p[i]);
        }

        // Not ⟨query, q⟩ − ⟨query, p⟩ ≥ 0.
        return !ExactDot.AtLeast<float>(weights, values, 0);
    }
}
