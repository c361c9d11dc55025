using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting.Trees;

/// <summary>A query made ready for bounds.</summary>
internal readonly ref struct CellQuery
{
    public ReadOnlySpan<float> Query { get; init; }

    /// <summary>‖a‖₂, rounded up.</summary>
    public double Norm { get; init; }

    /// <summary>Directions whose weighted sum is the query, as numbers of the bounds' own.</summary>
    public ReadOnlySpan<int> Directions { get; init; }

    /// <summary>Their weights, positive.</summary>
    public ReadOnlySpan<double> Weights { get; init; }
}

/// <summary>Outer shapes of all cells of a tree.</summary>
internal abstract class CellBounds
{
    /// <summary>Bytes read to test one cell.</summary>
    public abstract int BytesPerTest { get; }

    /// <summary>Bytes of all shapes.</summary>
    public abstract long Bytes { get; }

    /// <summary>Prepares a query in a reader's buffers.</summary>
    public abstract CellQuery Prepare(ReadOnlySpan<float> query, double norm, ReportScratch scratch);

    /// <summary>Bounds the scores in cells first, first + 1, …, rounding included: no point's real score is beyond them. A bound that
    /// overflows is NaN or infinite, and decides nothing.</summary>
    public abstract void Bracket(in CellQuery query, int first, Span<double> lower, Span<double> upper);

    public abstract void Write(IndexWriter writer);

    /// <summary>The smallest float that is not below a value.</summary>
    protected static float RoundUp(double value)
    {
        float rounded = (float)value;
        return rounded < value ? MathF.BitIncrement(rounded) : rounded;
    }
}
