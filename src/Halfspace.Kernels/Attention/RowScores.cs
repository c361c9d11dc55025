using System.Runtime.CompilerServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels;

/// <summary>Dot products of a few query rows with float16 keys; a key is read and widened once for up to four rows.</summary>
/// <remarks>A score has the same bits whatever else is scored with it: keys that are left over are summed in the order of whole fours.</remarks>
internal static class RowScores<T> where T : struct, ILane<T>
{
    private const int Keys = 4;

    // 3 rows by 4 keys are 12 sums; a fourth row needs AVX-512's 32 registers.
    private static int RowsPerPass => T.Width > 8 ? 4 : 3;

    /// <summary>scores[r · stride + i] = ⟨queries r, key i⟩, where key i is row i of keys, or what lies at address i.</summary>
    /// <param name="queries">[rows, dim].</param>
    /// <param name="rows">Query rows.</param>
    /// <param name="keys">[count, dim], unless there is a list.</param>
    /// <param name="list">Addresses.</param>
    /// <param name="count">Keys.</param>
    /// <param name="dim">d.</param>
    /// <param name="scores">Rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">From one row of scores to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Score<TList>(
        ref float queries, int rows, ref Half keys, ref nint list, int count, int dim, ref float scores, int stride)
        where TList : struct, IConstant
    {
        int passes = (rows + RowsPerPass - 1) / RowsPerPass;
        for (int first = 0, pass = 0; pass < passes; pass++)
        {
            int take = (rows - first + (passes - pass) - 1) / (passes - pass);
            ref float q = ref Unsafe.Add(ref queries, first * dim);
            ref float s = ref Unsafe.Add(ref scores, first * stride);
            switch (take)
            {
                case 1: Pass<N1, TList>(ref q, ref keys, ref list, count, dim, ref s, stride); break;
                case 2: Pass<N2, TList>(ref q, ref keys, ref list, count, dim, ref s, stride); break;
                case 3: Pass<N3, TList>(ref q, ref keys, ref list, count, dim, ref s, stride); break;
                default: Pass<N4, TList>(ref q, ref keys, ref list, count, dim, ref s, stride); break;
            }
            first += take;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pass<TRows, TList>(
        ref float queries, ref Half keys, ref nint list, int count, int dim, ref float scores, int stride)
        where TRows : struct, IConstant
        where TList : struct, IConstant
    {
        int whole = dim - (dim % T.Width), i = 0;
        Span<float> four = stackalloc float[Keys];
        for (; i <= count - Keys; i += Keys)
        {
            ref Half first = ref Key<TList>(ref keys, ref list, i, dim), second = ref Key<TList>(ref keys, ref list, i + 1, dim);
            ref Half third = ref Key<TList>(ref keys, ref list, i + 2, dim), fourth = ref Key<TList>(ref keys, ref list, i + 3, dim);
            T s00 = T.Zero, s01 = T.Zero, s02 = T.Zero, s03 = T.Zero, s10 = T.Zero, s11 = T.Zero, s12 = T.Zero, s13 = T.Zero;
            T s20 = T.Zero, s21 = T.Zero, s22 = T.Zero, s23 = T.Zero, s30 = T.Zero, s31 = T.Zero, s32 = T.Zero, s33 = T.Zero;
            for (int c = 0; c < whole; c += T.Width)
            {
                T k0 = T.LoadHalf(ref first, c), k1 = T.LoadHalf(ref second, c);
                T k2 = T.LoadHalf(ref third, c), k3 = T.LoadHalf(ref fourth, c);
                T q = T.Load(ref queries, c);
                s00 = T.MultiplyAdd(q, k0, s00);
                s01 = T.MultiplyAdd(q, k1, s01);
                s02 = T.MultiplyAdd(q, k2, s02);
                s03 = T.MultiplyAdd(q, k3, s03);
                if (TRows.Value > 1)
                {
                    q = T.Load(ref queries, c + dim);
                    s10 = T.MultiplyAdd(q, k0, s10);
                    s11 = T.MultiplyAdd(q, k1, s11);
                    s12 = T.MultiplyAdd(q, k2, s12);
                    s13 = T.MultiplyAdd(q, k3, s13);
                }
                if (TRows.Value > 2)
                {
                    q = T.Load(ref queries, c + (2 * dim));
                    s20 = T.MultiplyAdd(q, k0, s20);
                    s21 = T.MultiplyAdd(q, k1, s21);
                    s22 = T.MultiplyAdd(q, k2, s22);
                    s23 = T.MultiplyAdd(q, k3, s23);
                }
                if (TRows.Value > 3)
                {
                    q = T.Load(ref queries, c + (3 * dim));
                    s30 = T.MultiplyAdd(q, k0, s30);
                    s31 = T.MultiplyAdd(q, k1, s31);
                    s32 = T.MultiplyAdd(q, k2, s32);
                    s33 = T.MultiplyAdd(q, k3, s33);
                }
            }
            T.StoreSums(s00, s01, s02, s03, ref scores, i);
            if (TRows.Value > 1) T.StoreSums(s10, s11, s12, s13, ref scores, i + stride);
            if (TRows.Value > 2) T.StoreSums(s20, s21, s22, s23, ref scores, i + (2 * stride));
            if (TRows.Value > 3) T.StoreSums(s30, s31, s32, s33, ref scores, i + (3 * stride));
        }
        for (; i < count; i++)
        {
            ref Half key = ref Key<TList>(ref keys, ref list, i, dim);
            for (int r = 0; r < TRows.Value; r++)
            {
                ref float query = ref Unsafe.Add(ref queries, r * dim);
                T sum = T.Zero;
                for (int c = 0; c < whole; c += T.Width) sum = T.MultiplyAdd(T.Load(ref query, c), T.LoadHalf(ref key, c), sum);
                T.StoreSums(sum, T.Zero, T.Zero, T.Zero, ref four[0], 0);
                Unsafe.Add(ref scores, (r * stride) + i) = four[0];
            }
        }
        if (whole < dim) Rest<TRows, TList>(ref queries, ref keys, ref list, count, dim, whole, ref scores, stride);
    }

    // Coordinates past the last whole register: 8 at most, as a head's width is a multiple of 8.
    private static void Rest<TRows, TList>(
        ref float queries, ref Half keys, ref nint list, int count, int dim, int whole, ref float scores, int stride)
        where TRows : struct, IConstant
        where TList : struct, IConstant
    {
        for (int i = 0; i < count; i++)
        {
            ref Half key = ref Key<TList>(ref keys, ref list, i, dim);
            for (int r = 0; r < TRows.Value; r++)
            {
                float sum = 0;
                for (int c = whole; c < dim; c++) sum += Unsafe.Add(ref queries, (r * dim) + c) * (float)Unsafe.Add(ref key, c);
                Unsafe.Add(ref scores, (r * stride) + i) += sum;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe ref Half Key<TList>(ref Half keys, ref nint list, int i, int dim) where TList : struct, IConstant
    {
        if (TList.Value == 1) return ref Unsafe.Add(ref keys, i * dim);
        return ref Unsafe.AsRef<Half>((void*)Unsafe.Add(ref list, i));
    }
}
