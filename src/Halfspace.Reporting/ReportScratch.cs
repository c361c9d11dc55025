using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

/// <summary>A reader's buffers, kept with its hit list so that a warm call allocates nothing.</summary>
internal sealed class ReportScratch
{
    private float[] _bounds = [];
    private int[] _ids = [];

    public SketchQueries Queries { get; } = new();

    /// <summary>For the parts of a structure made of others.</summary>
    public HitList Inner => field ??= new();

    public Span<float> Bounds(int count)
    {
        if (_bounds.Length < count) _bounds = new float[count];
        return _bounds;
    }

    public Span<int> Ids(int count)
    {
        if (_ids.Length < count) _ids = new int[count];
        return _ids;
    }
}
