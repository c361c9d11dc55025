namespace Halfspace.Reporting;

/// <summary>Reported ids, in a buffer that is reused: it grows when it must and never shrinks. Not thread-safe; one per reader.</summary>
public sealed class HitList
{
    private int[] _ids = [];

    /// <summary>How many ids there are.</summary>
    public int Count { get; private set; }

    /// <summary>The ids.</summary>
    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Count);

    /// <summary>The id at <paramref name="index"/>.</summary>
    public int this[int index] => Ids[index];

    /// <summary>Forgets the ids and keeps the room.</summary>
    public void Clear() => Count = 0;

    /// <summary>Appends one id.</summary>
    public void Add(int id)
    {
        if (Count == _ids.Length) Grow(Count + 1);
        _ids[Count++] = id;
    }

    /// <summary>Room for <paramref name="count"/> more ids, to be filled and then counted by <see cref="Advance"/>.</summary>
    public Span<int> Reserve(int count)
    {
        if (_ids.Length - Count < count) Grow(checked(Count + count));
        return _ids.AsSpan(Count);
    }

    /// <summary>Counts <paramref name="count"/> ids written to the reserved room.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _ids.Length - Count);
        Count += count;
    }

    /// <summary>Appends first, first + 1, … .</summary>
    public void AddRange(int first, int count)
    {
        Span<int> room = Reserve(count);
        for (int i = 0; i < count; i++) room[i] = first + i;
        Count += count;
    }

    /// <summary>Appends ids.</summary>
    public void AddRange(ReadOnlySpan<int> ids)
    {
        ids.CopyTo(Reserve(ids.Length));
        Count += ids.Length;
    }

    /// <summary>Sorts the ids ascending.</summary>
    public void Sort() => _ids.AsSpan(0, Count).Sort();

    /// <summary>Buffers of the reader that owns this list.</summary>
    internal ReportScratch Scratch => field ??= new();

    /// <summary>The ids for changes in place: sorting, mapping, removing.</summary>
    internal Span<int> Writable => _ids.AsSpan(0, Count);

    /// <summary>Keeps the first <paramref name="count"/>.</summary>
    internal void Truncate(int count) => Count = count;

    private void Grow(int needed) => Array.Resize(ref _ids, Math.Max(needed, Math.Max(16, (int)Math.Min(2L * _ids.Length, Array.MaxLength))));
}
