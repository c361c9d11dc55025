using Halfspace.Kernels;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting;

public abstract partial class HalfspaceIndex
{
    /// <summary>The mapped file that the index reads, where it was loaded.</summary>
    private IndexReader? _file;

    /// <summary>The number of this kind of structure in files.</summary>
    internal abstract IndexKind Kind { get; }

    /// <summary>Saves the index in the format of docs/reporting-format.md. The file appears whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        IndexWriter.Write(path, Kind, Dimension, Write);
    }

    /// <summary>Maps a saved index. Checksums and every size are checked first, which reads the file once.</summary>
    /// <param name="path">The file; it must not change while the index is in use.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    /// <exception cref="InvalidDataException">The file is not an index of this version, or damaged; the sentence says how.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <remarks>A dynamic index is loaded by <see cref="DynamicIndex.Load"/>, which takes the builder of its parts.</remarks>
    public static HalfspaceIndex Load(string path, SimdTier? tier = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Load(path, reader => IndexKinds.Read(reader, tier));
    }

    /// <summary>Opens a file and gives it to the index that <paramref name="read"/> makes of it.</summary>
    internal static T Load<T>(string path, Func<IndexReader, T> read) where T : HalfspaceIndex
    {
        IndexReader reader = IndexReader.Open(path);
        try
        {
            T index = read(reader);
            index._file = reader;
            return index;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Writes the sections. A structure that is built from its points deterministically writes those and its options.</summary>
    internal abstract void Write(IndexWriter writer);
}
