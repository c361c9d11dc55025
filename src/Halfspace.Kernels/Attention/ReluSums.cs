using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>Weights of ReLU^α attention, max(s − b, 0)^α, and their sums; α is known when a kernel is compiled.</summary>
internal static class ReluSums<T> where T : struct, ILane<T>
{
    // Weights that wait to be summed.
    private const int Waiting = 64;

    private static uint AllLanes => (uint)((1UL << T.Width) - 1);

    /// <summary>weights[i] = max(scores[i] − bias, 0)^α; weights may be scores. Those above 0 are added to a sum one after the other, so that
    /// keys between them that weigh nothing do not change its bits.</summary>
    /// <returns>How many scores are above the bias.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Weights<TPower>(ref float scores, int count, float bias, ref float weights, ref float sum)
        where TPower : struct, IConstant
    {
        T b = T.Broadcast(bias);
        Span<float> above = stackalloc float[Waiting + T.Width];
        ref float first = ref MemoryMarshal.GetReference(above);
        int used = 0, waiting = 0, i = 0;
        float total = sum;
        for (; i <= count - T.Width; i += T.Width)
        {
            T s = T.Load(ref scores, i), weight = Weight<T, TPower>(s, b);
            T.Store(weight, ref weights, i);
            waiting += T.StoreSelected(weight, ~T.AtLeast(b, s) & AllLanes, ref first, waiting);
            if (waiting < Waiting) continue;
            used += waiting;
            for (int j = 0; j < waiting; j++) total += Unsafe.Add(ref first, j);
            waiting = 0;
        }
        for (int j = 0; j < waiting; j++) total += Unsafe.Add(ref first, j);
        used += waiting;
        LaneScalar least = LaneScalar.Broadcast(bias);
        for (; i < count; i++)
        {
            LaneScalar s = LaneScalar.Load(ref scores, i), weight = Weight<LaneScalar, TPower>(s, least);
            used += 1 - (int)LaneScalar.AtLeast(least, s);
            LaneScalar.Store(weight, ref weights, i);
            total += LaneScalar.Sum(weight);
        }
        sum = total;
        return used;
    }

    /// <summary>The like down the columns of scores [rows, columns], with a bias and a sum a column.</summary>
    /// <param name="scores">[rows, columns], rows <paramref name="stride"/> apart; they become weights.</param>
    /// <param name="stride">From one row to the next.</param>
    /// <param name="rows">Rows of scores.</param>
    /// <param name="columns">A multiple of the register's width.</param>
    /// <param name="bias">[columns].</param>
    /// <param name="sum">[columns], added to.</param>
    /// <returns>How many scores are above their bias.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Step<TPower>(ref float scores, int stride, int rows, int columns, ref float bias, ref float sum)
        where TPower : struct, IConstant
    {
        int below = 0;
        for (int c = 0; c < columns; c += T.Width)
        {
            T b = T.Load(ref bias, c), sums = T.Zero;
            for (int r = 0; r < rows; r++)
            {
                T s = T.Load(ref scores, (r * stride) + c), weight = Weight<T, TPower>(s, b);
                below += BitOperations.PopCount(T.AtLeast(b, s));
                T.Store(weight, ref scores, (r * stride) + c);
                sums = T.Add(sums, weight);
            }
            T.Store(T.Add(T.Load(ref sum, c), sums), ref sum, c);
        }
        return (rows * columns) - below;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLane Weight<TLane, TPower>(TLane score, TLane bias)
        where TLane : struct, ILane<TLane>
        where TPower : struct, IConstant
    {
        TLane above = TLane.Max(TLane.Subtract(score, bias), TLane.Zero), weight = above;
        for (int power = 1; power < TPower.Value; power++) weight = TLane.Multiply(weight, above);
        return weight;
    }
}
