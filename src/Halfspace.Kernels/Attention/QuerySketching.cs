using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>Rounds rotated queries to 8 bits, a query a lane.</summary>
internal static class QuerySketching<T> where T : struct, ILane<T>
{
    private const int Queries = AttentionKernels.SketchKeys;

    // Added and taken away again, it rounds to the nearest whole number.
    private const float Rounder = 12582912f;

    /// <summary>The largest |y| and Σy² of each column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Measure(ref float columns, int padded, ref float largest, ref float squares)
    {
        for (int l = 0; l < Queries; l += T.Width)
        {
            T max = T.Zero, square = T.Zero;
            for (int c = 0; c < padded; c++)
            {
                T y = T.Load(ref columns, (c * Queries) + l);
                max = T.Max(max, T.Max(y, T.Subtract(T.Zero, y)));
                square = T.MultiplyAdd(y, y, square);
            }
            T.Store(max, ref largest, l);
            T.Store(square, ref squares, l);
        }
    }

    /// <summary>Codes columns: code = y / scale, rounded.</summary>
    /// <param name="columns">[D, 16].</param>
    /// <param name="padded">D.</param>
    /// <param name="window">Coordinates between two widenings of a half-word's sum.</param>
    /// <param name="scales">[16].</param>
    /// <param name="codes">[D, 16], written.</param>
    /// <param name="sums">[16], written: Σ code.</param>
    /// <param name="errors">[16], written: Σ (y − scale·code)².</param>
    /// <param name="heaviest">[16], written: the largest Σ|code| over the coordinates of a half-word in a window.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Code(
        ref float columns, int padded, int window, ref float scales, ref float codes, ref float sums, ref float errors, ref float heaviest)
    {
        Span<float> inverse = stackalloc float[Queries];
        for (int i = 0; i < Queries; i++) inverse[i] = Unsafe.Add(ref scales, i) > 0 ? 1 / Unsafe.Add(ref scales, i) : 0;
        for (int l = 0; l < Queries; l += T.Width)
        {
            T by = T.Load(ref inverse[0], l), scale = T.Load(ref scales, l);
            T sum = T.Zero, error = T.Zero, even = T.Zero, odd = T.Zero, most = T.Zero;
            for (int c = 0; c < padded; c++)
            {
                if (c % window == 0)
                {
                    most = T.Max(most, T.Max(even, odd));
                    (even, odd) = (T.Zero, T.Zero);
                }
                T y = T.Load(ref columns, (c * Queries) + l);
                T code = T.Subtract(T.Add(T.Multiply(y, by), T.Broadcast(Rounder)), T.Broadcast(Rounder));
                T.Store(code, ref codes, (c * Queries) + l);
                T off = T.Subtract(y, T.Multiply(scale, code)), size = T.Max(code, T.Subtract(T.Zero, code));
                error = T.MultiplyAdd(off, off, error);
                sum = T.Add(sum, code);
                if ((c & 2) == 0) even = T.Add(even, size);
                else odd = T.Add(odd, size);
            }
            T.Store(sum, ref sums, l);
            T.Store(error, ref errors, l);
            T.Store(T.Max(most, T.Max(even, odd)), ref heaviest, l);
        }
    }
}
