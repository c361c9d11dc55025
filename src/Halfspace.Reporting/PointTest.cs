using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

/// <summary>A half-space against the points of one set: what every structure asks about single points. Equal in all structures and tiers.</summary>
/// <remarks>A structure that decides a whole cell by a bound must not trust a rounded bound. With the cell's bound computed in double from d
/// products, use <see cref="Slack"/>: the cell is outside only where upper + slack &lt; b, and inside only where lower − slack ≥ b, with slack taken
/// for a magnitude no smaller than Σ|aᵢ||xᵢ| over the cell (‖a‖ times the largest norm in the cell will do). Other cells are opened. Then the
/// reported set is the real one, bit for bit that of <see cref="FlatIndex"/>.</remarks>
internal readonly ref struct PointTest
{
    private readonly HalfspaceTest _test;
    private readonly ReportKernel _kernel;
    private readonly ReadOnlySpan<float> _floats;
    private readonly ReadOnlySpan<Half> _halves;
    private readonly bool _isHalf;

    public PointTest(ReportKernel kernel, PointSet points, ReadOnlySpan<float> query, float bias)
        : this(kernel, points, new HalfspaceTest(query, bias, points.MaxNorm))
    {
    }

    /// <summary>A test whose norm bound holds for these points.</summary>
    public PointTest(ReportKernel kernel, PointSet points, HalfspaceTest test)
    {
        _test = test;
        _kernel = kernel;
        _isHalf = points.IsHalf;
        if (_isHalf) _halves = points.Halves;
        else _floats = points.Floats;
    }

    /// <summary>‖a‖₂, rounded up.</summary>
    public double QueryNorm => _test.QueryNorm;

    /// <summary>How far a bound computed in double can be from the real one: d additions of products that are exact.</summary>
    /// <param name="dimension">d.</param>
    /// <param name="magnitude">At least Σ|aᵢ||xᵢ|.</param>
    public static double Slack(int dimension, double magnitude) => (dimension + 8) * 2.3e-16 * magnitude;

    /// <summary>True where the row is in the half-space; ties are.</summary>
    public bool Contains(int row)
    {
        int dim = _test.Query.Length;
        return _isHalf ? _test.Contains(_halves.Slice(row * dim, dim)) : _test.Contains(_floats.Slice(row * dim, dim));
    }

    /// <summary>Appends first + 0, first + 1, … where row <paramref name="row"/> + 0, + 1, … is in the half-space.</summary>
    public void AddRange(int row, int count, int firstId, HitList hits)
    {
        int dim = _test.Query.Length;
        Span<int> room = hits.Reserve(count);
        hits.Advance(_isHalf
            ? _kernel.Scan(_test, _halves.Slice(row * dim, count * dim), firstId, room)
            : _kernel.Scan(_test, _floats.Slice(row * dim, count * dim), firstId, room));
    }

    /// <summary>Appends the rows among <paramref name="rows"/> that are in the half-space, in the given order.</summary>
    public void AddSelected(ReadOnlySpan<int> rows, HitList hits)
    {
        Span<int> room = hits.Reserve(rows.Length);
        hits.Advance(_isHalf ? _kernel.Select(_test, _halves, rows, room) : _kernel.Select(_test, _floats, rows, room));
    }

    /// <summary>Writes those of <paramref name="rows"/> that are in the half-space to <paramref name="kept"/>, which may be the same memory.</summary>
    public int Select(ReadOnlySpan<int> rows, Span<int> kept) =>
        _isHalf ? _kernel.Select(_test, _halves, rows, kept) : _kernel.Select(_test, _floats, rows, kept);
}
