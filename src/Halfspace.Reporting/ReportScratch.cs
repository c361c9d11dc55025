using Halfspace.Kernels.Reporting;
using Halfspace.Reporting.Spatial;

namespace Halfspace.Reporting;

/// <summary>A reader's buffers, kept with its hit list so that a warm call allocates nothing.</summary>
internal sealed class ReportScratch
{
    private ulong[] _words = [];
    private int[] _ids = [];
    private int[] _directions = [];
    private double[] _weights = [];

    public SketchQueries Queries { get; } = new();

    /// <summary>For the parts of a structure made of others.</summary>
    public HitList Inner => field ??= new();

    /// <summary>Words of a bit a point.</summary>
    public Span<ulong> Words(int count)
    {
        if (_words.Length < count) _words = new ulong[count];
        return _words;
    }

    public Span<int> Ids(int count)
    {
        if (_ids.Length < count) _ids = new int[count];
        return _ids;
    }

    /// <summary>Vertices of layers that a walk has seen.</summary>
    public VertexMarks Marks => field ??= new();

    /// <summary>Directions that a query is a sum of.</summary>
    public Span<int> Directions(int count)
    {
        if (_directions.Length < count) _directions = new int[count];
        return _directions;
    }

    /// <summary>The weights of those directions.</summary>
    public Span<double> Weights(int count)
    {
        if (_weights.Length < count) _weights = new double[count];
        return _weights;
    }
}
