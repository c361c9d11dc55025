using System.Numerics;
using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>Query rows made ready: contiguous, and divided by √d so that a dot product is a score in nats.</summary>
internal static class QueryRows
{
    // With keys up to 65,504 every score, square and moment then stays finite in float.
    private const float Largest = 1L << 50;

    /// <summary>scaled[r, g, ·] = query / √d.</summary>
    /// <exception cref="ArithmeticException">A query holds NaN, infinity or a number beyond ±2^50.</exception>
    public static void Scale(ReadOnlySpan<float> queries, int stride, int group, int rows, int dim, int firstPosition, Span<float> scaled)
    {
        float scale = 1 / MathF.Sqrt(dim);
        int width = group * dim;
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> row = queries.Slice(r * stride, width);
            Span<float> into = scaled.Slice(r * width, width);
            if (!TryScale(row, scale, into)) throw Unfit(row, r, dim, firstPosition);
        }
    }

    private static bool TryScale(ReadOnlySpan<float> row, float scale, Span<float> into)
    {
        ref float x = ref MemoryMarshal.GetReference(row), y = ref MemoryMarshal.GetReference(into);
        // False for NaN as well.
        Vector<int> fits = Vector<int>.AllBitsSet;
        int c = 0;
        for (; c <= row.Length - Vector<float>.Count; c += Vector<float>.Count)
        {
            Vector<float> own = Vector.LoadUnsafe(ref x, (nuint)c);
            fits &= Vector.LessThanOrEqual(Vector.Abs(own), new Vector<float>(Largest));
            (own * scale).StoreUnsafe(ref y, (nuint)c);
        }
        bool fit = Vector.EqualsAll(fits, Vector<int>.AllBitsSet);
        for (; c < row.Length; c++)
        {
            fit &= MathF.Abs(row[c]) <= Largest;
            into[c] = row[c] * scale;
        }
        return fit;
    }

    private static ArithmeticException Unfit(ReadOnlySpan<float> row, int index, int dim, int firstPosition)
    {
        int c = 0;
        while (MathF.Abs(row[c]) <= Largest) c++;
        return new ArithmeticException(
            $"Query row {index} (position {firstPosition + index}), head {c / dim} of its group, holds {row[c]}; " +
            "attention needs numbers within ±2^50.");
    }
}
