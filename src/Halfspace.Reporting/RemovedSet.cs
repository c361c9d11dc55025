using System.Collections.Immutable;

namespace Halfspace.Reporting;

/// <summary>Removed ids: an immutable bitmap in pages. Removing copies one page and the list of pages.</summary>
internal sealed class RemovedSet
{
    private const int PageBits = 12;
    private const int PageWords = (1 << PageBits) / 64;

    private readonly ImmutableArray<ulong[]?> _pages;

    private RemovedSet(ImmutableArray<ulong[]?> pages, int count)
    {
        _pages = pages;
        Count = count;
    }

    public static RemovedSet Empty { get; } = new([], 0);

    /// <summary>How many ids are removed.</summary>
    public int Count { get; }

    public static RemovedSet Of(ReadOnlySpan<int> ids)
    {
        if (ids.IsEmpty) return Empty;
        ulong[]?[] pages = new ulong[]?[(ids[^1] >> PageBits) + 1];
        foreach (int id in ids) (pages[id >> PageBits] ??= new ulong[PageWords])[(id >> 6) & (PageWords - 1)] |= 1UL << id;
        return new RemovedSet([.. pages], ids.Length);
    }

    public bool Contains(int id)
    {
        int page = id >> PageBits;
        return page < _pages.Length && _pages[page] is { } words && (words[(id >> 6) & (PageWords - 1)] >> id & 1) != 0;
    }

    /// <summary>A set with one id more, which this one has not.</summary>
    public RemovedSet With(int id)
    {
        int page = id >> PageBits;
        ulong[]?[] pages = new ulong[]?[Math.Max(_pages.Length, page + 1)];
        _pages.CopyTo(pages);
        ulong[] words = pages[page] is { } old ? (ulong[])old.Clone() : new ulong[PageWords];
        words[(id >> 6) & (PageWords - 1)] |= 1UL << id;
        pages[page] = words;
        return new RemovedSet(System.Runtime.InteropServices.ImmutableCollectionsMarshal.AsImmutableArray(pages), Count + 1);
    }

    /// <summary>Takes removed ids out of a list.</summary>
    public void Filter(HitList hits)
    {
        if (Count == 0) return;
        Span<int> ids = hits.Writable;
        int kept = 0;
        foreach (int id in ids)
        {
            ids[kept] = id;
            kept += Contains(id) ? 0 : 1;
        }

        hits.Truncate(kept);
    }

    /// <summary>The ids, ascending.</summary>
    public int[] ToArray(int limit)
    {
        int[] ids = new int[Count];
        int found = 0;
        for (int id = 0; id < limit && found < Count; id++)
            if (Contains(id)) ids[found++] = id;
        return ids;
    }
}
