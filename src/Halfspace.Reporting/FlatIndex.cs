using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

/// <summary>Exact scan.</summary>
public sealed class FlatIndex : HalfspaceIndex
{
    private readonly PointSet _points;

    /// <summary>Indexes a set without copying it.</summary>
    public FlatIndex(PointSet points, SimdTier? tier = null) : base(points.Dimension, ReportKernel.For(tier)) => _points = points;

    /// <inheritdoc/>
    public override int Count => _points.Count;

    private protected override ReportCost ReportCore(ReadOnlySpan<float> query, float bias, HitList hits)
    {
        PointTest test = new(Kernel, _points, query, bias);
        test.AddRange(0, Count, 0, hits);
        return new(Count, 0, (long)Count * _points.BytesPerPoint);
    }
}
