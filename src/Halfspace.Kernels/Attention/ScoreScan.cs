using System.Numerics;
using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>Sweeps over a row of scores that look for the large ones; none branches on what it finds.</summary>
internal static class ScoreScan<T> where T : struct, ILane<T>
{
    // The smallest normal number.
    private const float Smallest = 1.17549435e-38f;

    /// <summary>Copies the scores that are at least a bound, in order.</summary>
    /// <returns>How many.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Collect(ref float scores, int count, float bound, ref float into)
    {
        T least = T.Broadcast(bound);
        int found = 0, i = 0;
        for (; i <= count - T.Width; i += T.Width)
        {
            T own = T.Load(ref scores, i);
            found += T.StoreSelected(own, T.AtLeast(own, least), ref into, found);
        }
        for (; i < count; i++)
            if (Unsafe.Add(ref scores, i) >= bound) Unsafe.Add(ref into, found++) = Unsafe.Add(ref scores, i);
        return found;
    }

    /// <summary>Lists the places whose weight is at least least · chance, and a normal number.</summary>
    /// <returns>How many.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Draw(ref float weights, int count, ref float chances, float least, ref float places)
    {
        T by = T.Broadcast(least), smallest = T.Broadcast(Smallest), step = T.Broadcast(T.Width);
        Span<float> first = stackalloc float[T.Width];
        for (int l = 0; l < first.Length; l++) first[l] = l;
        T place = T.Load(ref first[0], 0);
        int found = 0, i = 0;
        for (; i <= count - T.Width; i += T.Width, place = T.Add(place, step))
        {
            T bound = T.Max(T.Multiply(T.Load(ref chances, i), by), smallest);
            found += T.StoreSelected(place, T.AtLeast(T.Load(ref weights, i), bound), ref places, found);
        }
        for (; i < count; i++)
            if (Unsafe.Add(ref weights, i) >= MathF.Max(Unsafe.Add(ref chances, i) * least, Smallest)) Unsafe.Add(ref places, found++) = i;
        return found;
    }

    /// <summary>How many scores are at least a bound.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Count(ref float scores, int count, float bound)
    {
        T least = T.Broadcast(bound);
        int found = 0, i = 0;
        for (; i <= count - T.Width; i += T.Width) found += BitOperations.PopCount(T.AtLeast(T.Load(ref scores, i), least));
        for (; i < count; i++) found += Unsafe.Add(ref scores, i) >= bound ? 1 : 0;
        return found;
    }

    /// <summary>Sets bit i where score i is at least a bound.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Mark(ref float scores, int count, float bound, ref ulong marks)
    {
        const int Bits = 64;
        T least = T.Broadcast(bound);
        int i = 0;
        for (; i <= count - Bits; i += Bits)
        {
            ulong word = 0;
            for (int c = 0; c < Bits; c += T.Width) word |= (ulong)T.AtLeast(T.Load(ref scores, i + c), least) << c;
            Unsafe.Add(ref marks, i / Bits) |= word;
        }
        for (; i < count; i++)
            Unsafe.Add(ref marks, i / Bits) |= (Unsafe.Add(ref scores, i) >= bound ? 1UL : 0) << (i % Bits);
    }
}
