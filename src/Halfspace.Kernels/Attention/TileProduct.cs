using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>A small float matrix product whose operands fit the caches: C = A·B or C += A·B.</summary>
internal static class TileProduct<T> where T : struct, ILane<T>
{
    // 6 rows by 2 registers of C: 12 sums, 2 registers of B and 1 of A fill the 16 registers of AVX2 and cover the latency of a
    // multiply-add.
    private const int Rows = 6;

    /// <param name="a">A, element (r, k) at r · <paramref name="aRow"/> + k · <paramref name="aInner"/>.</param>
    /// <param name="aRow">From one row of A to the next.</param>
    /// <param name="aInner">From one column of A to the next.</param>
    /// <param name="b">B, [inner, columns], rows <paramref name="bRow"/> apart.</param>
    /// <param name="bRow">From one row of B to the next.</param>
    /// <param name="c">C, [rows, columns], rows <paramref name="cRow"/> apart.</param>
    /// <param name="cRow">From one row of C to the next.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="inner">Columns of A, rows of B.</param>
    /// <param name="columns">Columns of B and C: a multiple of the register's width.</param>
    /// <param name="add">Whether C's contents are added to.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(ref float a, int aRow, int aInner, ref float b, int bRow, ref float c, int cRow, int rows, int inner,
        int columns, bool add)
    {
        for (int j = 0; j < columns; j += 2 * T.Width)
        {
            bool pair = columns - j > T.Width;
            ref float panel = ref Unsafe.Add(ref b, j);
            for (int r = 0; r < rows; r += Rows)
            {
                ref float top = ref Unsafe.Add(ref a, r * aRow);
                ref float into = ref Unsafe.Add(ref c, (r * cRow) + j);
                if (pair) Panel<N2>(ref top, aRow, aInner, ref panel, bRow, ref into, cRow, rows - r, inner, add);
                else Panel<N1>(ref top, aRow, aInner, ref panel, bRow, ref into, cRow, rows - r, inner, add);
            }
        }
    }

    private static void Panel<TRegisters>(ref float a, int aRow, int aInner, ref float b, int bRow, ref float c, int cRow, int rows,
        int inner, bool add)
        where TRegisters : struct, IConstant
    {
        switch (rows)
        {
            case 1: Block<N1, TRegisters>(ref a, aRow, aInner, ref b, bRow, ref c, cRow, inner, add); break;
            case 2: Block<N2, TRegisters>(ref a, aRow, aInner, ref b, bRow, ref c, cRow, inner, add); break;
            case 3: Block<N3, TRegisters>(ref a, aRow, aInner, ref b, bRow, ref c, cRow, inner, add); break;
            case 4: Block<N4, TRegisters>(ref a, aRow, aInner, ref b, bRow, ref c, cRow, inner, add); break;
            case 5: Block<N5, TRegisters>(ref a, aRow, aInner, ref b, bRow, ref c, cRow, inner, add); break;
            default: Block<N6, TRegisters>(ref a, aRow, aInner, ref b, bRow, ref c, cRow, inner, add); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Block<TRows, TRegisters>(ref float a, int aRow, int aInner, ref float b, int bRow, ref float c, int cRow,
        int inner, bool add)
        where TRows : struct, IConstant
        where TRegisters : struct, IConstant
    {
        T c00 = T.Zero, c01 = T.Zero, c10 = T.Zero, c11 = T.Zero, c20 = T.Zero, c21 = T.Zero;
        T c30 = T.Zero, c31 = T.Zero, c40 = T.Zero, c41 = T.Zero, c50 = T.Zero, c51 = T.Zero;
        ref float a0 = ref a;
        ref float a1 = ref Unsafe.Add(ref a, TRows.Value > 1 ? aRow : 0);
        ref float a2 = ref Unsafe.Add(ref a, TRows.Value > 2 ? 2 * aRow : 0);
        ref float a3 = ref Unsafe.Add(ref a, TRows.Value > 3 ? 3 * aRow : 0);
        ref float a4 = ref Unsafe.Add(ref a, TRows.Value > 4 ? 4 * aRow : 0);
        ref float a5 = ref Unsafe.Add(ref a, TRows.Value > 5 ? 5 * aRow : 0);
        nint at = 0;
        for (int k = 0; k < inner; k++, at += aInner, b = ref Unsafe.Add(ref b, bRow))
        {
            T b0 = T.Load(ref b, 0);
            T b1 = TRegisters.Value > 1 ? T.Load(ref b, T.Width) : T.Zero;
            T x = T.Broadcast(Unsafe.Add(ref a0, at));
            c00 = T.MultiplyAdd(x, b0, c00);
            if (TRegisters.Value > 1) c01 = T.MultiplyAdd(x, b1, c01);
            if (TRows.Value > 1)
            {
                x = T.Broadcast(Unsafe.Add(ref a1, at));
                c10 = T.MultiplyAdd(x, b0, c10);
                if (TRegisters.Value > 1) c11 = T.MultiplyAdd(x, b1, c11);
            }
            if (TRows.Value > 2)
            {
                x = T.Broadcast(Unsafe.Add(ref a2, at));
                c20 = T.MultiplyAdd(x, b0, c20);
                if (TRegisters.Value > 1) c21 = T.MultiplyAdd(x, b1, c21);
            }
            if (TRows.Value > 3)
            {
                x = T.Broadcast(Unsafe.Add(ref a3, at));
                c30 = T.MultiplyAdd(x, b0, c30);
                if (TRegisters.Value > 1) c31 = T.MultiplyAdd(x, b1, c31);
            }
            if (TRows.Value > 4)
            {
                x = T.Broadcast(Unsafe.Add(ref a4, at));
                c40 = T.MultiplyAdd(x, b0, c40);
                if (TRegisters.Value > 1) c41 = T.MultiplyAdd(x, b1, c41);
            }
            if (TRows.Value > 5)
            {
                x = T.Broadcast(Unsafe.Add(ref a5, at));
                c50 = T.MultiplyAdd(x, b0, c50);
                if (TRegisters.Value > 1) c51 = T.MultiplyAdd(x, b1, c51);
            }
        }
        Write<TRegisters>(c00, c01, ref c, 0, add);
        if (TRows.Value > 1) Write<TRegisters>(c10, c11, ref c, cRow, add);
        if (TRows.Value > 2) Write<TRegisters>(c20, c21, ref c, 2 * cRow, add);
        if (TRows.Value > 3) Write<TRegisters>(c30, c31, ref c, 3 * cRow, add);
        if (TRows.Value > 4) Write<TRegisters>(c40, c41, ref c, 4 * cRow, add);
        if (TRows.Value > 5) Write<TRegisters>(c50, c51, ref c, 5 * cRow, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write<TRegisters>(T first, T second, ref float c, int at, bool add)
        where TRegisters : struct, IConstant
    {
        T.Store(add ? T.Add(T.Load(ref c, at), first) : first, ref c, at);
        if (TRegisters.Value > 1) T.Store(add ? T.Add(T.Load(ref c, at + T.Width), second) : second, ref c, at + T.Width);
    }
}
