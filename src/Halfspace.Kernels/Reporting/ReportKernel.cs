using System.Numerics;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

/// <summary>Finds the points of a half-space among rows in memory. All tiers give equal results.</summary>
public abstract class ReportKernel
{
    private static readonly ReportKernel Scalar = new ReportKernel<LaneScalar, LaneScalar>(SimdTier.Scalar);
    private static readonly ReportKernel V128 = new ReportKernel<Lane128, Lane128>(SimdTier.V128);
    private static readonly ReportKernel V256 = new ReportKernel<Lane256, Lane256>(SimdTier.V256);
    private static readonly ReportKernel Vnni = new ReportKernel<Lane256, Lane256>(SimdTier.Vnni);
    private static readonly ReportKernel V512 = new ReportKernel<Lane512, Lane256>(SimdTier.V512);

    private protected ReportKernel(SimdTier tier) => Tier = tier;

    /// <summary>The instructions it uses.</summary>
    public SimdTier Tier { get; }

    /// <summary>The kernel of a tier; none means <see cref="Simd.Selected"/>.</summary>
    /// <exception cref="PlatformNotSupportedException">The tier does not run on this CPU.</exception>
    public static ReportKernel For(SimdTier? tier = null)
    {
        SimdTier chosen = tier ?? Simd.Selected;
        if (!Simd.Available.Contains(chosen)) Simd.Choose(chosen.ToString());
        return chosen switch
        {
            SimdTier.V512 => V512,
            SimdTier.Vnni => Vnni,
            SimdTier.V256 => V256,
            SimdTier.V128 => V128,
            _ => Scalar,
        };
    }

    /// <summary>Tests consecutive rows.</summary>
    /// <param name="test">The half-space, prepared for these points' norms.</param>
    /// <param name="rows">Points, row-major [count × d].</param>
    /// <param name="firstId">The id of the first row; ids are consecutive.</param>
    /// <param name="hits">At least count long; filled with the ids of the points inside, ascending.</param>
    /// <returns>How many are inside.</returns>
    public int Scan(in HalfspaceTest test, ReadOnlySpan<float> rows, int firstId, Span<int> hits)
    {
        int count = CheckRows(test, rows.Length, hits.Length);
        return test.FloatDecides ? ScanFloats(test, rows, count, firstId, hits) : ScanExactly(test, rows, count, firstId, hits);
    }

    /// <summary>Tests consecutive rows of float16.</summary>
    /// <inheritdoc cref="Scan(in HalfspaceTest, ReadOnlySpan{float}, int, Span{int})"/>
    public int Scan(in HalfspaceTest test, ReadOnlySpan<Half> rows, int firstId, Span<int> hits)
    {
        int count = CheckRows(test, rows.Length, hits.Length);
        return test.FloatDecides ? ScanHalves(test, rows, count, firstId, hits) : ScanExactly(test, rows, count, firstId, hits);
    }

    /// <summary>Tests chosen rows.</summary>
    /// <param name="test">The half-space, prepared for these points' norms.</param>
    /// <param name="points">All points, row-major [n × d].</param>
    /// <param name="ids">The rows to test, each below n.</param>
    /// <param name="hits">At least as long as <paramref name="ids"/>, and may be it; filled with those inside, in the given order.</param>
    /// <returns>How many are inside.</returns>
    public int Select(in HalfspaceTest test, ReadOnlySpan<float> points, ReadOnlySpan<int> ids, Span<int> hits)
    {
        CheckIds(test, points.Length, ids, hits.Length);
        return test.FloatDecides ? SelectFloats(test, points, ids, hits) : SelectExactly(test, points, ids, hits);
    }

    /// <summary>Tests chosen rows of float16.</summary>
    /// <inheritdoc cref="Select(in HalfspaceTest, ReadOnlySpan{float}, ReadOnlySpan{int}, Span{int})"/>
    public int Select(in HalfspaceTest test, ReadOnlySpan<Half> points, ReadOnlySpan<int> ids, Span<int> hits)
    {
        CheckIds(test, points.Length, ids, hits.Length);
        return test.FloatDecides ? SelectHalves(test, points, ids, hits) : SelectExactly(test, points, ids, hits);
    }

    private protected abstract int ScanFloats(in HalfspaceTest test, ReadOnlySpan<float> rows, int count, int firstId, Span<int> hits);

    private protected abstract int ScanHalves(in HalfspaceTest test, ReadOnlySpan<Half> rows, int count, int firstId, Span<int> hits);

    private protected abstract int SelectFloats(in HalfspaceTest test, ReadOnlySpan<float> points, ReadOnlySpan<int> ids, Span<int> hits);

    private protected abstract int SelectHalves(in HalfspaceTest test, ReadOnlySpan<Half> points, ReadOnlySpan<int> ids, Span<int> hits);

    private static int ScanExactly<T>(in HalfspaceTest test, ReadOnlySpan<T> rows, int count, int firstId, Span<int> hits) where T : unmanaged
    {
        int dim = test.Query.Length, found = 0;
        for (int row = 0; row < count; row++)
            if (test.Contains(rows.Slice(row * dim, dim))) hits[found++] = firstId + row;
        return found;
    }

    private static int SelectExactly<T>(in HalfspaceTest test, ReadOnlySpan<T> points, ReadOnlySpan<int> ids, Span<int> hits) where T : unmanaged
    {
        int dim = test.Query.Length, found = 0;
        foreach (int id in ids)
            if (test.Contains(points.Slice(id * dim, dim))) hits[found++] = id;
        return found;
    }

    private static int CheckRows(in HalfspaceTest test, int values, int room)
    {
        int dim = test.Query.Length;
        if (dim == 0) throw new ArgumentException("The query has no coordinates; give at least one.", nameof(test));
        if (values % dim != 0) throw new ArgumentException($"{values} values are not whole rows of {dim}; give count × d values.", nameof(values));
        if (room < values / dim) throw new ArgumentException($"{values / dim} rows need as much room for hits; there is room for {room}.", nameof(room));
        return values / dim;
    }

    private static void CheckIds(in HalfspaceTest test, int values, ReadOnlySpan<int> ids, int room)
    {
        if (room < ids.Length) throw new ArgumentException($"{ids.Length} ids need as much room for hits; there is room for {room}.", nameof(room));
        int n = values / Math.Max(test.Query.Length, 1), i = 0;
        ReadOnlySpan<uint> all = MemoryMarshal.Cast<int, uint>(ids);
        Vector<uint> most = default;
        for (; i + Vector<uint>.Count <= all.Length; i += Vector<uint>.Count) most = Vector.Max(most, new Vector<uint>(all[i..]));
        uint largest = 0;
        for (int lane = 0; lane < Vector<uint>.Count; lane++) largest = Math.Max(largest, most[lane]);
        for (; i < all.Length; i++) largest = Math.Max(largest, all[i]);
        if (!ids.IsEmpty && largest >= (uint)n) throw new ArgumentOutOfRangeException(nameof(ids), $"An id is outside the {n} points given.");
    }
}
