using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>Maxima and exponential sums of a row of scores.</summary>
internal static class SoftmaxSums<T> where T : struct, ILane<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Max(ref float scores, int count)
    {
        int i = 0;
        float max = float.NegativeInfinity;
        if (count >= T.Width)
        {
            T best = T.Load(ref scores, 0);
            for (i = T.Width; i <= count - T.Width; i += T.Width) best = T.Max(best, T.Load(ref scores, i));
            max = T.MaxAcross(best);
        }
        for (; i < count; i++) max = MathF.Max(max, Unsafe.Add(ref scores, i));
        return max;
    }

    /// <summary>weights[i] = e^(scores[i] − max); weights may be scores.</summary>
    /// <returns>Their sum.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Exponentials(ref float scores, int count, float max, ref float weights)
    {
        T shift = T.Broadcast(max), sums = T.Zero;
        int i = 0;
        for (; i <= count - T.Width; i += T.Width)
        {
            T e = T.Exp(T.Subtract(T.Load(ref scores, i), shift));
            T.Store(e, ref weights, i);
            sums = T.Add(sums, e);
        }
        float sum = T.Sum(sums);
        for (; i < count; i++)
        {
            float e = Exp(Unsafe.Add(ref scores, i) - max);
            Unsafe.Add(ref weights, i) = e;
            sum += e;
        }
        return sum;
    }

    /// <returns>The sums of <see cref="ScoreSums"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ScoreSums Sums(ref float scores, int count, float max)
    {
        T shift = T.Broadcast(max), sums = T.Zero, weighted = T.Zero, squares = T.Zero;
        int i = 0;
        for (; i <= count - T.Width; i += T.Width)
        {
            T u = T.Subtract(T.Load(ref scores, i), shift), e = T.Exp(u);
            sums = T.Add(sums, e);
            weighted = T.MultiplyAdd(e, u, weighted);
            squares = T.MultiplyAdd(e, e, squares);
        }
        float sum = T.Sum(sums), first = T.Sum(weighted), square = T.Sum(squares);
        for (; i < count; i++)
        {
            float u = Unsafe.Add(ref scores, i) - max, e = Exp(u);
            sum += e;
            first += e * u;
            square += e * e;
        }
        return new ScoreSums(sum, first, square);
    }

    /// <returns>What <see cref="ScoreMoments"/> holds.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ScoreMoments Moments(ref float scores, int count)
    {
        int i = 0;
        float max = float.NegativeInfinity, score = 0, square = 0;
        if (count >= T.Width)
        {
            T most = T.Load(ref scores, 0), sums = T.Zero, squares = T.Zero;
            for (; i <= count - T.Width; i += T.Width)
            {
                T t = T.Load(ref scores, i);
                most = T.Max(most, t);
                sums = T.Add(sums, t);
                squares = T.MultiplyAdd(t, t, squares);
            }
            (max, score, square) = (T.MaxAcross(most), T.Sum(sums), T.Sum(squares));
        }
        for (; i < count; i++)
        {
            float t = Unsafe.Add(ref scores, i);
            max = MathF.Max(max, t);
            score += t;
            square += t * t;
        }
        return new ScoreMoments(max, score, square);
    }

    /// <summary>For each column of scores [rows, columns] an online softmax step: the column's max takes in the rows, scores become e^(s −
    /// max), sum and scale follow.</summary>
    /// <param name="scores">[rows, columns], rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">From one row to the next.</param>
    /// <param name="rows">Rows of scores.</param>
    /// <param name="columns">A multiple of the register's width.</param>
    /// <param name="max">[columns], so far.</param>
    /// <param name="sum">[columns], so far.</param>
    /// <param name="scale">[columns], written: e^(old max − new max), by which what was summed before is to be multiplied.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Step(ref float scores, int stride, int rows, int columns, ref float max, ref float sum, ref float scale)
    {
        for (int c = 0; c < columns; c += T.Width)
        {
            T old = T.Load(ref max, c), top = old;
            for (int r = 0; r < rows; r++) top = T.Max(top, T.Load(ref scores, (r * stride) + c));
            T sums = T.Zero;
            for (int r = 0; r < rows; r++)
            {
                T e = T.Exp(T.Subtract(T.Load(ref scores, (r * stride) + c), top));
                T.Store(e, ref scores, (r * stride) + c);
                sums = T.Add(sums, e);
            }
            T shrink = T.Exp(T.Subtract(old, top));
            T.Store(top, ref max, c);
            T.Store(shrink, ref scale, c);
            T.Store(T.MultiplyAdd(T.Load(ref sum, c), shrink, sums), ref sum, c);
        }
    }

    /// <summary>sums = sums·scale + Σw and squares = squares·scale² + Σw² down each column of weights [rows, columns].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddPowers(ref float weights, int stride, int rows, int columns, ref float scale, ref float sums, ref float squares)
    {
        for (int c = 0; c < columns; c += T.Width)
        {
            T by = T.Load(ref scale, c), sum = T.Multiply(T.Load(ref sums, c), by);
            T square = T.Multiply(T.Load(ref squares, c), T.Multiply(by, by));
            for (int r = 0; r < rows; r++)
            {
                T w = T.Load(ref weights, (r * stride) + c);
                sum = T.Add(sum, w);
                square = T.MultiplyAdd(w, w, square);
            }
            T.Store(sum, ref sums, c);
            T.Store(square, ref squares, c);
        }
    }

    private static float Exp(float x) => x < -87 ? 0 : MathF.Exp(x);
}
