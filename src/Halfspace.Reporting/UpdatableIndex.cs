using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

/// <summary>An index that points can be added to and removed from.</summary>
/// <remarks>One thread may update while any number read. Everything a reader needs hangs on one immutable state object, which an update replaces
/// with a single reference write after all it points to is in place; each call reads that reference once. So a call sees the index after some
/// whole number of updates, never half of one, and takes no lock. Rows appended behind a state's count are invisible to its readers.</remarks>
public abstract class UpdatableIndex : HalfspaceIndex
{
    private protected UpdatableIndex(int dimension, ReportKernel kernel) : base(dimension, kernel)
    {
    }

    /// <summary>Adds a point.</summary>
    /// <param name="point">[d], finite; copied.</param>
    /// <returns>Its id: the number of points ever added before it. Ids are never used again.</returns>
    /// <exception cref="ArgumentException">point is not [d] or not finite.</exception>
    public abstract int Add(ReadOnlySpan<float> point);

    /// <summary>Removes a point.</summary>
    /// <returns>False where there is no such point, or no longer.</returns>
    public abstract bool Remove(int id);
}
