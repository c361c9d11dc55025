namespace Halfspace.Attention;

/// <summary>Checks of strided rows.</summary>
internal static class Shapes
{
    /// <summary>Rows of <paramref name="width"/> floats, <paramref name="stride"/> apart, must lie in <paramref name="length"/>.</summary>
    public static void RequireRows(int length, int stride, int rows, int width, string name)
    {
        if (rows < 0) throw new ArgumentOutOfRangeException(nameof(rows), rows, "The number of rows cannot be negative.");
        if (rows == 0) return;
        if (stride < width && rows > 1) throw new ArgumentException($"Rows of {width} numbers cannot lie {stride} apart.", name);
        if (((long)(rows - 1) * stride) + width > length)
            throw new ArgumentException($"{rows} rows of {width} numbers, {stride} apart, do not lie in {length}.", name);
    }
}
