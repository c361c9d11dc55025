using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting;

/// <summary>The rows that were ever added, and which of them are gone: what a reader of an updatable index takes once.</summary>
internal record LivePoints(PointLog Log, RemovedSet Removed)
{
    public int Count => Log.Count - Removed.Count;

    public bool Has(int id) => (uint)id < (uint)Log.Count && !Removed.Contains(id);

    public bool TryCopy(int id, Span<float> into) => Has(id) && Log.CopyRow(id, into);

    public void AddAll(HitList hits)
    {
        hits.AddRange(0, Log.Count);
        Removed.Filter(hits);
    }

    /// <summary>Removes a point from the state that readers will see from now on.</summary>
    /// <returns>False where there is no such point.</returns>
    public static bool Remove<T>(ref T state, int id) where T : LivePoints
    {
        LivePoints before = state;
        if (!before.Has(id)) return false;
        Volatile.Write(ref state, (T)(before with { Removed = before.Removed.With(id) }));
        return true;
    }

    public static LivePoints Read(IndexReader reader)
    {
        PointLog log = reader.Log();
        return new(log, RemovedSet.Of(reader.Ascending(SectionId.Removed, log.Count)));
    }

    public void Write(IndexWriter writer)
    {
        writer.AddLog(Log);
        writer.Add<int>(SectionId.Removed, Removed.ToArray(Log.Count));
    }
}
