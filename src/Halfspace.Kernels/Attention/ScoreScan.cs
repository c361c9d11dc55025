using System.Numerics;
using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>Sweeps over a row of scores that look for the large ones.</summary>
internal static class ScoreScan<T> where T : struct, ILane<T>
{
    /// <summary>The largest of each <paramref name="group"/> consecutive scores, a multiple of the register's width; the last group may be
    /// short.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Maxima(ref float scores, int count, int group, ref float maxima)
    {
        int whole = count / group;
        for (int i = 0; i < whole; i++)
        {
            T max = T.Load(ref scores, i * group);
            for (int c = T.Width; c < group; c += T.Width) max = T.Max(max, T.Load(ref scores, (i * group) + c));
            Unsafe.Add(ref maxima, i) = T.MaxAcross(max);
        }
        if (whole * group == count) return;
        float last = Unsafe.Add(ref scores, whole * group);
        for (int i = (whole * group) + 1; i < count; i++) last = MathF.Max(last, Unsafe.Add(ref scores, i));
        Unsafe.Add(ref maxima, whole) = last;
    }

    /// <summary>Lists where scores are at least a bound, ascending.</summary>
    /// <returns>How many.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Collect(ref float scores, int count, float bound, ref int list)
    {
        T least = T.Broadcast(bound);
        int found = 0, i = 0;
        for (; i <= count - T.Width; i += T.Width)
        {
            for (uint hits = T.AtLeast(T.Load(ref scores, i), least); hits != 0; hits &= hits - 1)
                Unsafe.Add(ref list, found++) = i + BitOperations.TrailingZeroCount(hits);
        }
        for (; i < count; i++)
            if (Unsafe.Add(ref scores, i) >= bound) Unsafe.Add(ref list, found++) = i;
        return found;
    }
}
