using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

/// <summary>A reader's buffers, kept with its hit list so that a warm call allocates nothing.</summary>
internal sealed class ReportScratch
{
    private int[] _found = [];

    public SketchQueries Queries { get; } = new();

    /// <summary>Inside and open points of each query of a pass.</summary>
    public int[] Counts { get; } = new int[2 * SketchQueries.Max];

    public Span<int> Found(int count)
    {
        if (_found.Length < count) _found = new int[count];
        return _found;
    }
}
