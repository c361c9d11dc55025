using System.Collections.Immutable;
using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting;

/// <summary>Add and Remove for any structure that is built once: the logarithmic method.</summary>
/// <remarks>
/// <para>Bentley, Saxe, "Decomposable searching problems I" (1980): part j holds at most s·2ʲ points in a structure of their own. New points wait in
/// a buffer of s, which is scanned; a full buffer and the full parts 0 .. j−1 become part j. A query asks the O(log(n/s)) parts in turn. Removed
/// points are only marked; when half of what is stored is removed, all is built anew. A point is built into O(log(n/s)) structures, so with a build
/// of B(n) an update costs O(B(n)/n · log(n/s)) amortised; <see cref="PointsBuilt"/> counts it. Single updates cost up to a whole build.</para>
/// <para>Parts hold ids in the order they were given, older parts before newer ones, so results ascend without sorting.</para>
/// </remarks>
/// <typeparam name="T">The structure of the parts.</typeparam>
public sealed class DynamicIndex<T> : UpdatableIndex where T : HalfspaceIndex
{
    private readonly Func<PointSet, T> _build;
    private readonly int _buffer;
    private State _state;

    /// <summary>An empty index.</summary>
    /// <param name="dimension">d.</param>
    /// <param name="build">Builds a part; called by the updating thread.</param>
    /// <param name="buffer">s, at least 1.</param>
    /// <param name="tier">The instructions for the buffer; none means <see cref="Simd.Selected"/>.</param>
    public DynamicIndex(int dimension, Func<PointSet, T> build, int buffer = DynamicIndex.DefaultBuffer, SimdTier? tier = null)
        : this(State.Empty(dimension), build, buffer, tier)
    {
    }

    /// <summary>An index that begins with a set as one part; ids are its rows.</summary>
    /// <param name="points">n points; not copied.</param>
    /// <param name="build">Builds a part; called by the updating thread.</param>
    /// <param name="buffer">s, at least 1.</param>
    /// <param name="tier">The instructions for the buffer; none means <see cref="Simd.Selected"/>.</param>
    public DynamicIndex(PointSet points, Func<PointSet, T> build, int buffer = DynamicIndex.DefaultBuffer, SimdTier? tier = null)
        : this(State.Empty(NotNull(points).Dimension), build, buffer, tier)
    {
        if (points.Count > 0) _state = WithPart(_state, points, [.. Enumerable.Range(0, points.Count)], points.Count);
    }

    private DynamicIndex(State state, Func<PointSet, T> build, int buffer, SimdTier? tier) : base(state.Recent.Dimension, ReportKernel.For(tier))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer, 1);
        _build = NotNull(build);
        _buffer = buffer;
        _state = state;
    }

    /// <inheritdoc/>
    public override int Count => Volatile.Read(ref _state).Count;

    /// <inheritdoc/>
    public override int IdLimit => Volatile.Read(ref _state).NextId;

    /// <summary>Points built into parts so far, each as often as it was: divided by the updates, the amortised cost in points built.</summary>
    public long PointsBuilt { get; private set; }

    /// <summary>Parts there are now.</summary>
    public int PartCount => Volatile.Read(ref _state).Parts.Count(part => part is not null);

    internal override IndexKind Kind => IndexKind.Dynamic;

    internal static DynamicIndex<T> Read(IndexReader reader, Func<PointSet, T> build, int buffer, SimdTier? tier)
    {
        if (reader.Kind != IndexKind.Dynamic) throw reader.Bad($"it holds a structure of kind {(int)reader.Kind}, not a dynamic one");
        PointSet points = reader.Points();
        long next = reader.Numbers(1)[0];
        if (next < points.Count || next > int.MaxValue) throw reader.Bad($"its next id is {next} after {points.Count} points");
        int[] ids = reader.Ascending(SectionId.Ids, (int)next);
        if (ids.Length != points.Count) throw reader.Bad($"it has {ids.Length} ids for {points.Count} points");
        DynamicIndex<T> index = new(State.Empty(reader.Dimension), build, buffer, tier);
        index._state = index.WithPart(index._state, points, ids, (int)next);
        return index;
    }

    /// <inheritdoc/>
    public override int Add(ReadOnlySpan<float> point)
    {
        State state = _state;
        int id = state.NextId;
        State next = state with { Recent = state.Recent.Append(point, id) };
        Volatile.Write(ref _state, next.Recent.Count < _buffer ? next : Carry(next));
        return id;
    }

    /// <inheritdoc/>
    public override bool Remove(int id)
    {
        State state = _state;
        if (!state.Has(id)) return false;
        State next = state with { Removed = state.Removed.With(id), Dead = state.Dead + 1 };
        Volatile.Write(ref _state, 2 * next.Dead > next.Stored ? Rebuild(next) : next);
        return true;
    }

    /// <inheritdoc/>
    public override bool TryCopyPoint(int id, Span<float> into)
    {
        State state = Volatile.Read(ref _state);
        if (!state.Has(id)) return false;
        if (id >= state.FirstRecent) return state.Recent.CopyRow(id - state.FirstRecent, into);
        foreach (Part? part in state.Parts)
            if (part is not null && part.RowOf(id) is >= 0 and int row) return part.Index.TryCopyPoint(row, into);
        return false;
    }

    internal override void Write(IndexWriter writer)
    {
        State state = Volatile.Read(ref _state);
        (float[] points, int[] ids) = Gather(state, state.Parts.Length);
        writer.Add<float>(SectionId.Floats, points);
        writer.Add<int>(SectionId.Ids, ids);
        writer.Add<long>(SectionId.Numbers, [state.NextId]);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (Part? part in _state.Parts) part?.Index.Dispose();
        base.Dispose(disposing);
    }

    private protected override HalfspaceIndex Freeze() => new DynamicIndex<T>(Volatile.Read(ref _state), _build, _buffer, Kernel.Tier);

    private protected override ReportCost ReportCore(ReadOnlySpan<float> query, float bias, HitList hits) =>
        ReportBatchCore(query, [bias], new ReadOnlySpan<HitList>(ref hits));

    private protected override ReportCost ReportBatchCore(ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, ReadOnlySpan<HitList> hits)
    {
        State state = Volatile.Read(ref _state);
        HitList[] inner = new HitList[biases.Length];
        for (int q = 0; q < inner.Length; q++) inner[q] = hits[q].Scratch.Inner;
        ReportCost cost = default;

        // From the oldest part, which has the smallest ids.
        for (int i = state.Parts.Length - 1; i >= 0; i--)
        {
            if (state.Parts[i] is not { } part) continue;
            cost += part.Index.ReportBatch(queries, biases, inner);
            for (int q = 0; q < inner.Length; q++)
            {
                Span<int> ids = hits[q].Reserve(inner[q].Count);
                for (int h = 0; h < inner[q].Count; h++) ids[h] = part.Ids[inner[q][h]];
                hits[q].Advance(inner[q].Count);
            }
        }

        using FlatIndex recent = FlatIndex.Over(new(state.Recent, RemovedSet.Empty), Kernel.Tier);
        cost += recent.ReportBatch(queries, biases, inner);
        for (int q = 0; q < inner.Length; q++)
        {
            foreach (int row in inner[q].Ids) hits[q].Add(state.FirstRecent + row);
            state.Removed.Filter(hits[q]);
        }

        return cost;
    }

    private protected override void AddAll(HitList hits)
    {
        State state = Volatile.Read(ref _state);
        for (int i = state.Parts.Length - 1; i >= 0; i--)
            if (state.Parts[i] is { } part) hits.AddRange(part.Ids);
        hits.AddRange(state.FirstRecent, state.Recent.Count);
        state.Removed.Filter(hits);
    }

    // The buffer and the parts before the first free place become one part there.
    private State Carry(State state)
    {
        int free = 0;
        while (free < state.Parts.Length && state.Parts[free] is not null) free++;
        (float[] points, int[] ids) = Gather(state, free);
        int dropped = state.Recent.Count - ids.Length;
        for (int i = 0; i < free; i++) dropped += state.Parts[i]!.Ids.Length;
        ImmutableArray<Part?> rest = free < state.Parts.Length ? state.Parts : state.Parts.Add(null);
        for (int i = 0; i < free; i++) rest = rest.SetItem(i, null);
        Part? part = ids.Length == 0 ? null : Build(PointSet.From(points, Dimension), ids);
        return state with
        {
            Parts = rest.SetItem(free, part),
            Recent = State.NoPoints(Dimension),
            FirstRecent = state.NextId,
            Dead = state.Dead - dropped,
        };
    }

    private State Rebuild(State state)
    {
        (float[] points, int[] ids) = Gather(state, state.Parts.Length);
        return WithPart(State.Empty(Dimension), PointSet.From(points, Dimension), ids, state.NextId);
    }

    // Only points, as the part that is large enough for them.
    private State WithPart(State empty, PointSet points, int[] ids, int nextId)
    {
        if (ids.Length == 0) return empty with { FirstRecent = nextId };
        int place = 0;
        while ((long)_buffer << place < ids.Length) place++;
        Part?[] parts = new Part?[place + 1];
        parts[place] = Build(points, ids);
        return empty with { Parts = [.. parts], FirstRecent = nextId };
    }

    private Part Build(PointSet points, int[] ids)
    {
        PointsBuilt += ids.Length;
        return new Part(_build(points), ids);
    }

    // Live points of the first parts and the buffer, ids ascending.
    private (float[] Points, int[] Ids) Gather(State state, int parts)
    {
        List<int> ids = [];
        List<float> points = [];
        float[] row = new float[Dimension];
        for (int i = parts - 1; i >= 0; i--)
        {
            if (state.Parts[i] is not { } part) continue;
            for (int r = 0; r < part.Ids.Length; r++)
            {
                if (state.Removed.Contains(part.Ids[r])) continue;
                part.Index.TryCopyPoint(r, row);
                ids.Add(part.Ids[r]);
                points.AddRange(row);
            }
        }

        for (int r = 0; r < state.Recent.Count; r++)
        {
            if (state.Removed.Contains(state.FirstRecent + r)) continue;
            state.Recent.CopyRow(r, row);
            ids.Add(state.FirstRecent + r);
            points.AddRange(row);
        }

        return ([.. points], [.. ids]);
    }

    private sealed record Part(T Index, int[] Ids)
    {
        public int RowOf(int id) => Array.BinarySearch(Ids, id);
    }

    /// <summary>Dead counts removed points that are still stored.</summary>
    private sealed record State(ImmutableArray<Part?> Parts, PointLog Recent, int FirstRecent, RemovedSet Removed, int Dead)
    {
        public int NextId => FirstRecent + Recent.Count;

        public int Stored => Recent.Count + Parts.Sum(part => part?.Ids.Length ?? 0);

        public int Count => Stored - Dead;

        public static State Empty(int dimension) => new([], NoPoints(dimension), 0, RemovedSet.Empty, 0);

        public static PointLog NoPoints(int dimension) => new(PointSet.From(ReadOnlyMemory<float>.Empty, dimension));

        public bool Has(int id)
        {
            if ((uint)id >= (uint)NextId || Removed.Contains(id)) return false;
            return id >= FirstRecent || Parts.Any(part => part is not null && part.RowOf(id) >= 0);
        }
    }
}
