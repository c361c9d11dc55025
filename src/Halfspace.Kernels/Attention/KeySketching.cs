using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels;

/// <summary>Turns centred keys into sketches, a key a lane: rotation, range and rounding then need no sums across lanes.</summary>
internal static class KeySketching<T> where T : struct, ILane<T>
{
    /// <summary>Keys taken together.</summary>
    public const int Keys = AttentionKernels.SketchKeys;

    // Added and taken away again, it rounds to the nearest whole number.
    private const float Rounder = 12582912f;

    // Of float16.
    private const float SmallestNormal = 6.2e-5f;

    /// <summary>Rotates the columns of [D, 16] in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rotate(ref float columns, SketchRotation rotation)
    {
        Sign(ref columns, rotation.FloatSigns);
        Hadamard(ref columns, rotation.Span);
        if (rotation.Span == rotation.Padded) return;
        Sign(ref columns, rotation.FloatSecondSigns);
        Hadamard(ref Unsafe.Add(ref columns, (rotation.Padded - rotation.Span) * Keys), rotation.Span);
    }

    /// <summary>Codes rotated columns y: for each key the step that fits best of a few ranges.</summary>
    /// <param name="columns">[D, 16]; becomes bytes as numbers: row 4·g + j holds the codes of coordinates 8·g + j and 8·g + 4 + j.</param>
    /// <param name="padded">D.</param>
    /// <param name="steps">[16], written; finite in float16.</param>
    /// <param name="residuals">[16], written: ‖y − ŷ‖, without allowance.</param>
    /// <param name="norms">[16], written: ‖y‖.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Code(ref float columns, int padded, ref float steps, ref float residuals, ref float norms)
    {
        Span<float> inverse = stackalloc float[Keys], best = stackalloc float[Keys], fitted = stackalloc float[Keys];
        Span<float> largest = stackalloc float[Keys], products = stackalloc float[Keys], squares = stackalloc float[Keys];
        for (int l = 0; l < Keys; l += T.Width)
        {
            T max = T.Zero, norm = T.Zero;
            for (int c = 0; c < padded; c++)
            {
                T y = T.Load(ref columns, (c * Keys) + l);
                max = T.Max(max, T.Max(y, T.Subtract(T.Zero, y)));
                norm = T.MultiplyAdd(y, y, norm);
            }
            T.Store(max, ref largest[0], l);
            T.Store(norm, ref norms, l);
        }
        best.Fill(-1);
        ReadOnlySpan<float> ranges = [1, 0.92f, 0.84f, 0.76f];
        Span<float> trial = stackalloc float[Keys];
        foreach (float range in ranges)
        {
            for (int i = 0; i < Keys; i++) trial[i] = largest[i] > 0 ? 7.5f / (range * largest[i]) : 0;
            for (int l = 0; l < Keys; l += T.Width)
            {
                T by = T.Load(ref trial[0], l), product = T.Zero, square = T.Zero;
                for (int c = 0; c < padded; c++)
                {
                    T y = T.Load(ref columns, (c * Keys) + l);
                    T level = T.Subtract(Round(T.MultiplyAdd(y, by, T.Broadcast(7.5f))), T.Broadcast(7.5f));
                    product = T.MultiplyAdd(y, level, product);
                    square = T.MultiplyAdd(level, level, square);
                }
                T.Store(product, ref products[0], l);
                T.Store(square, ref squares[0], l);
            }
            for (int i = 0; i < Keys; i++)
            {
                // With the step of least squares, Σ y·level / Σ level², this is how much of ‖y‖² the codes hold.
                float held = products[i] * products[i] / squares[i];
                if (!(held > best[i])) continue;
                best[i] = held;
                inverse[i] = trial[i];
                fitted[i] = products[i] / squares[i];
            }
        }
        for (int i = 0; i < Keys; i++)
        {
            Half step = (Half)MathF.Min(fitted[i], (float)Half.MaxValue);
            if (fitted[i] < SmallestNormal && largest[i] > 0)
            {
                // Rounding such a step moves it by much: take one that holds the whole range, and code by it.
                step = (Half)(largest[i] / 7.5f);
                while ((float)step * 7.5f < largest[i]) step = Half.BitIncrement(step);
                inverse[i] = 1 / (float)step;
            }
            Unsafe.Add(ref steps, i) = (float)step;
        }
        for (int l = 0; l < Keys; l += T.Width)
        {
            T by = T.Load(ref inverse[0], l), step = T.Load(ref steps, l), error = T.Zero;
            for (int group = 0; group < padded; group += 8)
            {
                for (int j = 0; j < 4; j++)
                {
                    T low = Take(T.Load(ref columns, ((group + j) * Keys) + l), by, step, ref error);
                    T high = Take(T.Load(ref columns, ((group + 4 + j) * Keys) + l), by, step, ref error);
                    // Rows are overwritten behind those that are still to be read: 4·g + j ≤ 8·g + j.
                    T.Store(T.MultiplyAdd(high, T.Broadcast(16), low), ref columns, (((group / 2) + j) * Keys) + l);
                }
            }
            T.Store(error, ref residuals, l);
        }
        for (int i = 0; i < Keys; i++)
        {
            Unsafe.Add(ref residuals, i) = MathF.Sqrt(Unsafe.Add(ref residuals, i));
            Unsafe.Add(ref norms, i) = MathF.Sqrt(Unsafe.Add(ref norms, i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Take(T y, T by, T step, ref T error)
    {
        T code = Round(T.MultiplyAdd(y, by, T.Broadcast(7.5f)));
        T off = T.Subtract(y, T.Multiply(step, T.Subtract(code, T.Broadcast(7.5f))));
        error = T.MultiplyAdd(off, off, error);
        return code;
    }

    // To the nearest of 0..15.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Round(T code)
    {
        T whole = T.Subtract(T.Add(code, T.Broadcast(Rounder)), T.Broadcast(Rounder));
        T above = T.Max(whole, T.Zero);
        return T.Subtract(T.Broadcast(15), T.Max(T.Subtract(T.Broadcast(15), above), T.Zero));
    }

    private static void Sign(ref float columns, ReadOnlySpan<float> signs)
    {
        for (int c = 0; c < signs.Length; c++)
        {
            T by = T.Broadcast(signs[c]);
            for (int l = 0; l < Keys; l += T.Width)
                T.Store(T.Multiply(T.Load(ref columns, (c * Keys) + l), by), ref columns, (c * Keys) + l);
        }
    }

    private static void Hadamard(ref float columns, int span)
    {
        for (int half = 1; half < span; half *= 2)
        {
            for (int start = 0; start < span; start += 2 * half)
            {
                for (int at = start * Keys; at < (start + half) * Keys; at += T.Width)
                {
                    T a = T.Load(ref columns, at), b = T.Load(ref columns, at + (half * Keys));
                    T.Store(T.Add(a, b), ref columns, at);
                    T.Store(T.Subtract(a, b), ref columns, at + (half * Keys));
                }
            }
        }
    }
}
