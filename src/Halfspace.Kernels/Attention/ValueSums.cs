using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>Weighted sums of float16 values; a value is read and widened once for up to four rows of weights.</summary>
internal static class ValueSums<T> where T : struct, ILane<T>
{
    private const int RowsPerPass = 4;

    /// <summary>sums[r, ·] += Σᵢ weights[r · stride + i] · value i, where value i is row i of values, or what lies <paramref name="offset"/> bytes
    /// behind address i.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<TList>(
        ref float weights, int stride, int rows, ref Half values, ref nint list, nint offset, int count, int dim, ref float sums)
        where TList : struct, IConstant
    {
        for (int first = 0; first < rows; first += RowsPerPass)
        {
            ref float w = ref Unsafe.Add(ref weights, first * stride);
            ref float s = ref Unsafe.Add(ref sums, first * dim);
            switch (rows - first)
            {
                case 1: Pass<N1, N4, TList>(ref w, stride, ref values, ref list, offset, count, dim, ref s); break;
                case 2: Pass<N2, N4, TList>(ref w, stride, ref values, ref list, offset, count, dim, ref s); break;
                case 3: Pass<N3, N2, TList>(ref w, stride, ref values, ref list, offset, count, dim, ref s); break;
                default: Pass<N4, N2, TList>(ref w, stride, ref values, ref list, offset, count, dim, ref s); break;
            }
        }
    }

    private static void Pass<TRows, TRegisters, TList>(
        ref float weights, int stride, ref Half values, ref nint list, nint offset, int count, int dim, ref float sums)
        where TRows : struct, IConstant
        where TRegisters : struct, IConstant
        where TList : struct, IConstant
    {
        int c = 0;
        for (; c <= dim - (TRegisters.Value * T.Width); c += TRegisters.Value * T.Width)
            Columns<TRows, TRegisters, TList>(ref weights, stride, ref values, ref list, offset, count, dim, c, ref Unsafe.Add(ref sums, c));
        for (; c <= dim - T.Width; c += T.Width)
            Columns<TRows, N1, TList>(ref weights, stride, ref values, ref list, offset, count, dim, c, ref Unsafe.Add(ref sums, c));
        if (c < dim) Rest<TRows, TList>(ref weights, stride, ref values, ref list, offset, count, dim, c, ref sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Columns<TRows, TRegisters, TList>(
        ref float weights, int stride, ref Half values, ref nint list, nint offset, int count, int dim, int first, ref float sums)
        where TRows : struct, IConstant
        where TRegisters : struct, IConstant
        where TList : struct, IConstant
    {
        // The sums go on from where they are: how keys are cut into calls does not change a bit.
        T s00 = T.Load(ref sums, 0);
        T s01 = TRegisters.Value > 1 ? T.Load(ref sums, T.Width) : T.Zero;
        T s02 = TRegisters.Value > 2 ? T.Load(ref sums, 2 * T.Width) : T.Zero;
        T s03 = TRegisters.Value > 2 ? T.Load(ref sums, 3 * T.Width) : T.Zero;
        T s10 = TRows.Value > 1 ? T.Load(ref sums, dim) : T.Zero;
        T s11 = TRows.Value > 1 && TRegisters.Value > 1 ? T.Load(ref sums, dim + T.Width) : T.Zero;
        T s12 = TRows.Value > 1 && TRegisters.Value > 2 ? T.Load(ref sums, dim + (2 * T.Width)) : T.Zero;
        T s13 = TRows.Value > 1 && TRegisters.Value > 2 ? T.Load(ref sums, dim + (3 * T.Width)) : T.Zero;
        T s20 = TRows.Value > 2 ? T.Load(ref sums, 2 * dim) : T.Zero;
        T s21 = TRows.Value > 2 && TRegisters.Value > 1 ? T.Load(ref sums, (2 * dim) + T.Width) : T.Zero;
        T s30 = TRows.Value > 3 ? T.Load(ref sums, 3 * dim) : T.Zero;
        T s31 = TRows.Value > 3 && TRegisters.Value > 1 ? T.Load(ref sums, (3 * dim) + T.Width) : T.Zero;
        for (int i = 0; i < count; i++)
        {
            ref Half value = ref Row<TList>(ref values, ref list, offset, i, dim, first);
            T v0 = T.LoadHalf(ref value, 0);
            T v1 = TRegisters.Value > 1 ? T.LoadHalf(ref value, T.Width) : T.Zero;
            T v2 = TRegisters.Value > 2 ? T.LoadHalf(ref value, 2 * T.Width) : T.Zero;
            T v3 = TRegisters.Value > 2 ? T.LoadHalf(ref value, 3 * T.Width) : T.Zero;
            T w = T.Broadcast(Unsafe.Add(ref weights, i));
            s00 = T.MultiplyAdd(w, v0, s00);
            if (TRegisters.Value > 1) s01 = T.MultiplyAdd(w, v1, s01);
            if (TRegisters.Value > 2)
            {
                s02 = T.MultiplyAdd(w, v2, s02);
                s03 = T.MultiplyAdd(w, v3, s03);
            }
            if (TRows.Value > 1)
            {
                w = T.Broadcast(Unsafe.Add(ref weights, i + stride));
                s10 = T.MultiplyAdd(w, v0, s10);
                if (TRegisters.Value > 1) s11 = T.MultiplyAdd(w, v1, s11);
                if (TRegisters.Value > 2)
                {
                    s12 = T.MultiplyAdd(w, v2, s12);
                    s13 = T.MultiplyAdd(w, v3, s13);
                }
            }
            if (TRows.Value > 2)
            {
                w = T.Broadcast(Unsafe.Add(ref weights, i + (2 * stride)));
                s20 = T.MultiplyAdd(w, v0, s20);
                if (TRegisters.Value > 1) s21 = T.MultiplyAdd(w, v1, s21);
            }
            if (TRows.Value > 3)
            {
                w = T.Broadcast(Unsafe.Add(ref weights, i + (3 * stride)));
                s30 = T.MultiplyAdd(w, v0, s30);
                if (TRegisters.Value > 1) s31 = T.MultiplyAdd(w, v1, s31);
            }
        }
        T.Store(s00, ref sums, 0);
        if (TRegisters.Value > 1) T.Store(s01, ref sums, T.Width);
        if (TRegisters.Value > 2) T.Store(s02, ref sums, 2 * T.Width);
        if (TRegisters.Value > 2) T.Store(s03, ref sums, 3 * T.Width);
        if (TRows.Value > 1) T.Store(s10, ref sums, dim);
        if (TRows.Value > 1 && TRegisters.Value > 1) T.Store(s11, ref sums, dim + T.Width);
        if (TRows.Value > 1 && TRegisters.Value > 2) T.Store(s12, ref sums, dim + (2 * T.Width));
        if (TRows.Value > 1 && TRegisters.Value > 2) T.Store(s13, ref sums, dim + (3 * T.Width));
        if (TRows.Value > 2) T.Store(s20, ref sums, 2 * dim);
        if (TRows.Value > 2 && TRegisters.Value > 1) T.Store(s21, ref sums, (2 * dim) + T.Width);
        if (TRows.Value > 3) T.Store(s30, ref sums, 3 * dim);
        if (TRows.Value > 3 && TRegisters.Value > 1) T.Store(s31, ref sums, (3 * dim) + T.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe ref Half Row<TList>(ref Half values, ref nint list, nint offset, int i, int dim, int column)
        where TList : struct, IConstant
    {
        if (TList.Value == 1) return ref Unsafe.Add(ref values, (i * dim) + column);
        return ref Unsafe.Add(ref Unsafe.AsRef<Half>((void*)(Unsafe.Add(ref list, i) + offset)), column);
    }

    // Coordinates past the last whole register: 8 at most, as a head's width is a multiple of 8.
    private static void Rest<TRows, TList>(
        ref float weights, int stride, ref Half values, ref nint list, nint offset, int count, int dim, int first, ref float sums)
        where TRows : struct, IConstant
        where TList : struct, IConstant
    {
        for (int i = 0; i < count; i++)
        {
            ref Half row = ref Row<TList>(ref values, ref list, offset, i, dim, 0);
            for (int c = first; c < dim; c++)
            {
                float value = (float)Unsafe.Add(ref row, c);
                for (int r = 0; r < TRows.Value; r++) Unsafe.Add(ref sums, (r * dim) + c) += Unsafe.Add(ref weights,
                    (r * stride) + i) * value;
            }
        }
    }
}
