using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

public sealed partial class SketchIndex
{
    /// <summary>How many scores <see cref="Estimate"/> has room for a query to write: every id, to the end of its block.</summary>
    public int ScoreRoom => SketchLog.CountBlocks(IdLimit) * SketchBlocks.Points;

    /// <summary>Sketch scores of every id, for up to eight queries in one pass.</summary>
    /// <param name="queries">[m × d], m at most <see cref="SketchQueries.Max"/>.</param>
    /// <param name="scores">[m × stride]; score i of a query is of id i. What stands from <see cref="HalfspaceIndex.IdLimit"/> on, and for removed
    /// ids, has no meaning.</param>
    /// <param name="stride">At least <see cref="ScoreRoom"/>.</param>
    /// <param name="scratch">Its buffers are used; its ids stay.</param>
    /// <returns>The work done. Each score is within the sketch's bound of ⟨a,x⟩.</returns>
    /// <exception cref="ArgumentException">Shapes differ, a query is not finite, or sizes are beyond what float scores hold.</exception>
    public ReportCost Estimate(ReadOnlySpan<float> queries, Span<float> scores, int stride, HitList scratch)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        State state = Volatile.Read(ref _state);
        SketchLog sketches = state.Sketches;
        int m = queries.Length / Dimension, room = SketchLog.CountBlocks(sketches.Count) * SketchBlocks.Points;
        if (queries.Length % Dimension != 0 || m is 0 or > SketchQueries.Max)
            throw new ArgumentException($"Give 1 to {SketchQueries.Max} queries of {Dimension} coordinates; there are {queries.Length} values.", nameof(queries));
        if (stride < room || scores.Length < ((m - 1) * (long)stride) + room)
            throw new ArgumentException($"{m} queries need {m} × {room} scores; there is room for {scores.Length} by {stride}.", nameof(scores));
        SketchQueries pass = scratch.Scratch.Queries;
        pass.Clear(sketches.Rotation.Padded);
        for (int q = 0; q < m; q++)
        {
            ReadOnlySpan<float> query = queries.Slice(q * Dimension, Dimension);
            CheckQuery(query, 0);
            if (!TryAdd(pass, state, query, 0))
                throw new ArgumentException($"Query {q} is too large or too small for float scores of these points; scale it.", nameof(queries));
        }

        int done = 0;
        long bytes = 0;
        for (int part = 0; part < sketches.Parts.Length; part++)
        {
            ReadOnlySpan<byte> blocks = sketches.BlocksOf(part);
            _sketches.Estimate(blocks, pass, scores[done..], stride);
            done += blocks.Length / sketches.BlockBytes * SketchBlocks.Points;
            bytes += blocks.Length;
        }

        return new(0, 0, bytes, (long)sketches.Count * m);
    }

    /// <summary>Reports by sketch scores alone: points with ŝ ≥ bias − margin. Approximate; no point's coordinates are read.</summary>
    /// <param name="query">a, [d].</param>
    /// <param name="bias">b.</param>
    /// <param name="margin">At least 0; how far below b a sketch score is still a candidate.</param>
    /// <param name="scores">At least <see cref="ScoreRoom"/>; filled with all sketch scores.</param>
    /// <param name="hits">Cleared, then filled with ids, ascending.</param>
    /// <inheritdoc cref="Estimate"/>
    public ReportCost ReportEstimated(ReadOnlySpan<float> query, float bias, float margin, Span<float> scores, HitList hits)
    {
        ArgumentNullException.ThrowIfNull(hits);
        CheckQuery(query, bias);
        if (!(margin >= 0)) throw new ArgumentOutOfRangeException(nameof(margin), "Give a margin of at least 0.");
        State state = Volatile.Read(ref _state);
        using SketchIndex frozen = new(state, Kernel.Tier);
        hits.Clear();
        ReportCost cost = frozen.Estimate(query, scores, scores.Length, hits);
        int room = SketchLog.CountBlocks(state.Log.Count) * SketchBlocks.Points;
        hits.Advance(_sketches.Compact(scores[..room], bias - margin, 0, hits.Reserve(room)));
        while (hits.Count > 0 && hits[^1] >= state.Log.Count) hits.Truncate(hits.Count - 1);
        state.Removed.Filter(hits);
        return cost;
    }
}
