using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>Conversions and element-wise steps.</summary>
internal static class Rows<T> where T : struct, ILane<T>
{
    // Rows between the one that is asked for and the one that is read.
    private const int Ahead = 8;

    /// <summary>Rounds to float16.</summary>
    /// <returns>Whether float16 has every number.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool Narrow(ref float source, int count, ref Half target)
    {
        bool all = true;
        int i = 0;
        for (; i <= count - T.Width; i += T.Width) all &= T.StoreHalf(T.Load(ref source, i), ref target, i);
        for (; i < count; i++) all &= LaneScalar.StoreHalf(LaneScalar.Load(ref source, i), ref target, i);
        return all;
    }

    /// <summary>target[r, ·] = source row r − centre; coordinates from dim up to the stride are left alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ref Half source, int rows, int dim, ref float centre, ref float target, int stride)
    {
        int whole = dim - (dim % T.Width);
        for (int r = 0; r < rows; r++)
        {
            ref Half from = ref Unsafe.Add(ref source, r * dim);
            ref float to = ref Unsafe.Add(ref target, r * stride);
            int c = 0;
            if (Unsafe.IsNullRef(ref centre))
            {
                for (; c < whole; c += T.Width) T.Store(T.LoadHalf(ref from, c), ref to, c);
                for (; c < dim; c++) Unsafe.Add(ref to, c) = (float)Unsafe.Add(ref from, c);
            }
            else
            {
                for (; c < whole; c += T.Width) T.Store(T.Subtract(T.LoadHalf(ref from, c), T.Load(ref centre, c)), ref to, c);
                for (; c < dim; c++) Unsafe.Add(ref to, c) = (float)Unsafe.Add(ref from, c) - Unsafe.Add(ref centre, c);
            }
        }
    }

    /// <summary>target[r, ·] = the row at address r plus an offset; coordinates from dim up to the stride are left alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe void WidenAt(ref nint addresses, int rows, nint offset, int dim, ref float target, int stride)
    {
        int whole = dim - (dim % T.Width), bytes = dim * sizeof(short);
        for (int r = 0; r < Math.Min(Ahead, rows); r++) Prefetch.Lines(ref Unsafe.AsRef<byte>((void*)(Unsafe.Add(ref addresses, r) + offset)), bytes);
        for (int r = 0; r < rows; r++)
        {
            // Rows lie apart: no hardware guesses the next ones.
            if (r + Ahead < rows) Prefetch.Lines(ref Unsafe.AsRef<byte>((void*)(Unsafe.Add(ref addresses, r + Ahead) + offset)), bytes);
            ref Half from = ref Unsafe.AsRef<Half>((void*)(Unsafe.Add(ref addresses, r) + offset));
            ref float to = ref Unsafe.Add(ref target, r * stride);
            int c = 0;
            for (; c < whole; c += T.Width) T.Store(T.LoadHalf(ref from, c), ref to, c);
            for (; c < dim; c++) Unsafe.Add(ref to, c) = (float)Unsafe.Add(ref from, c);
        }
    }

    /// <summary>target[i] *= factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(ref float target, int count, float factor)
    {
        T by = T.Broadcast(factor);
        int i = 0;
        for (; i <= count - T.Width; i += T.Width) T.Store(T.Multiply(T.Load(ref target, i), by), ref target, i);
        for (; i < count; i++) Unsafe.Add(ref target, i) *= factor;
    }

    /// <summary>target[i] += term.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Shift(ref float target, int count, float term)
    {
        T by = T.Broadcast(term);
        int i = 0;
        for (; i <= count - T.Width; i += T.Width) T.Store(T.Add(T.Load(ref target, i), by), ref target, i);
        for (; i < count; i++) Unsafe.Add(ref target, i) += term;
    }

    /// <summary>high + low += term, where high is the sum rounded to float and low what that left out (Knuth's two-sum).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddCompensated(ref float term, int count, ref float high, ref float low)
    {
        int i = 0;
        for (; i <= count - T.Width; i += T.Width)
        {
            T a = T.Load(ref high, i), b = T.Load(ref term, i);
            T sum = T.Add(a, b), back = T.Subtract(sum, a);
            T rest = T.Add(T.Load(ref low, i), T.Add(T.Subtract(a, T.Subtract(sum, back)), T.Subtract(b, back)));
            T total = T.Add(sum, rest);
            T.Store(total, ref high, i);
            T.Store(T.Subtract(rest, T.Subtract(total, sum)), ref low, i);
        }
        for (; i < count; i++)
        {
            float a = Unsafe.Add(ref high, i), b = Unsafe.Add(ref term, i);
            float sum = a + b, back = sum - a;
            float rest = Unsafe.Add(ref low, i) + (a - (sum - back)) + (b - back);
            float total = sum + rest;
            Unsafe.Add(ref high, i) = total;
            Unsafe.Add(ref low, i) = rest - (total - sum);
        }
    }
}
