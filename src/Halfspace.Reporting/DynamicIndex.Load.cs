using Halfspace.Kernels;

namespace Halfspace.Reporting;

/// <summary>What does not depend on the structure of a <see cref="DynamicIndex{T}"/>'s parts.</summary>
public static class DynamicIndex
{
    /// <summary>Points that wait for a part unless a number is given.</summary>
    public const int DefaultBuffer = 256;

    /// <summary>Maps a saved dynamic index and builds one part of its points.</summary>
    /// <typeparam name="T">The structure of the parts; any will do, whatever they were when saved.</typeparam>
    /// <param name="path">The file.</param>
    /// <param name="build">Builds a part.</param>
    /// <param name="buffer">Points that wait for a part, at least 1.</param>
    /// <param name="tier">The instructions for the buffer; none means <see cref="Simd.Selected"/>.</param>
    /// <exception cref="InvalidDataException">The file is not a dynamic index of this version, or damaged; the sentence says how.</exception>
    public static DynamicIndex<T> Load<T>(string path, Func<PointSet, T> build, int buffer = DefaultBuffer, SimdTier? tier = null)
        where T : HalfspaceIndex =>
        HalfspaceIndex.Load(path, reader => DynamicIndex<T>.Read(reader, build, buffer, tier));
}
