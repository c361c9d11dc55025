namespace Halfspace.Reporting.Trees;

/// <summary>How far points reach along an axis.</summary>
internal static class AxisExtent
{
    /// <param name="values">Points, [n × <paramref name="dimension"/>].</param>
    /// <param name="dimension">d.</param>
    /// <param name="axis">Below d.</param>
    /// <param name="rows">The points' rows; without any, the extent is empty and its ends are infinite.</param>
    public static (float Low, float High) Of(ReadOnlySpan<float> values, int dimension, int axis, ReadOnlySpan<int> rows)
    {
        float low = float.PositiveInfinity, high = float.NegativeInfinity;
        foreach (int row in rows)
        {
            float value = values[(row * dimension) + axis];
            low = Math.Min(low, value);
            high = Math.Max(high, value);
        }

        return (low, high);
    }
}
