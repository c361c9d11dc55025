using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

public sealed partial class SketchIndex
{
    private protected override ReportCost ReportCore(ReadOnlySpan<float> query, float bias, HitList hits) =>
        ReportBatchCore(query, [bias], new ReadOnlySpan<HitList>(ref hits));

    private protected override ReportCost ReportBatchCore(ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, ReadOnlySpan<HitList> hits)
    {
        State state = Volatile.Read(ref _state);
        ReportCost cost = default;
        if (biases.IsEmpty) return cost;
        SketchQueries pass = hits[0].Scratch.Queries;
        Span<int> members = stackalloc int[SketchQueries.Max];
        pass.Clear(state.Sketches.Rotation.Padded);
        for (int q = 0; q < biases.Length; q++)
        {
            members[pass.Count] = q;
            if (!TryAdd(pass, state, queries.Slice(q * Dimension, Dimension), biases[q]))
                cost += Scan(state, queries.Slice(q * Dimension, Dimension), biases[q], hits[q]);
            if (pass.Count < SketchQueries.Max && (q + 1 < biases.Length || pass.Count == 0)) continue;
            cost += Pass(state, pass, queries, biases, members, hits);
            pass.Clear(state.Sketches.Rotation.Padded);
        }

        return cost;
    }

    private static bool TryAdd(SketchQueries pass, State state, ReadOnlySpan<float> query, float bias) =>
        float.IsFinite(bias) && pass.TryAdd(query, bias, state.Sketches.Rotation, state.Sketches.Centre, state.MaxSize);

    // Sketches of a tile for all queries of the pass, then each query's open points.
    private ReportCost Pass(
        State state, SketchQueries pass, ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, ReadOnlySpan<int> members, ReadOnlySpan<HitList> hits)
    {
        SketchLog sketches = state.Sketches;
        int bytes = sketches.BlockBytes, tile = TilePoints / SketchBlocks.Points * bytes;
        ReportScratch scratch = hits[0].Scratch;
        Span<int> found = scratch.Found(2 * pass.Count * TilePoints), counts = scratch.Counts;
        long verified = 0, scanned = 0;
        for (int part = 0; part < sketches.Parts.Length; part++)
        {
            ReadOnlySpan<byte> blocks = sketches.BlocksOf(part);
            scanned += blocks.Length;
            for (int start = 0; start < blocks.Length; start += tile)
            {
                int firstId = sketches.Parts[part].FirstId + (start / bytes * SketchBlocks.Points);
                _sketches.Classify(blocks.Slice(start, Math.Min(tile, blocks.Length - start)), pass, firstId, found, TilePoints, counts);
                for (int i = 0; i < pass.Count; i++)
                {
                    Span<int> inside = Live(state, found.Slice(2 * i * TilePoints, counts[2 * i]));
                    Span<int> open = Live(state, found.Slice(((2 * i) + 1) * TilePoints, counts[(2 * i) + 1]));
                    verified += open.Length;
                    int q = members[i];
                    Merge(inside, Verify(state, queries.Slice(q * Dimension, Dimension), biases[q], open), hits[q]);
                }
            }
        }

        return new(verified, 0, scanned + (verified * Dimension * sizeof(float)), (long)sketches.Count * pass.Count);
    }

    // Without removed points and a last block's places that have none yet.
    private static Span<int> Live(State state, Span<int> ids)
    {
        while (!ids.IsEmpty && ids[^1] >= state.Log.Count) ids = ids[..^1];
        if (state.Removed.Count == 0) return ids;
        int kept = 0;
        foreach (int id in ids)
        {
            ids[kept] = id;
            kept += state.Removed.Contains(id) ? 0 : 1;
        }

        return ids[..kept];
    }

    private Span<int> Verify(State state, ReadOnlySpan<float> query, float bias, Span<int> open)
    {
        int kept = 0;
        for (int done = 0; done < open.Length;)
        {
            int i = state.Log.SegmentOf(open[done]);
            PointLog.Segment segment = state.Log.Segments[i];
            int end = segment.FirstId + state.Log.RowsOf(i), stop = done;
            while (stop < open.Length && open[stop] < end) stop++;
            Span<int> rows = open[done..stop];
            if (segment.FirstId != 0)
                foreach (ref int row in rows) row -= segment.FirstId;
            PointTest test = new(Kernel, segment.Points, query, bias, state.Log.MaxNorm);
            int found = test.Select(rows, rows);
            for (int r = 0; r < found; r++) open[kept++] = rows[r] + segment.FirstId;
            done = stop;
        }

        return open[..kept];
    }

    private static void Merge(ReadOnlySpan<int> a, ReadOnlySpan<int> b, HitList hits)
    {
        Span<int> into = hits.Reserve(a.Length + b.Length);
        int i = 0, j = 0, n = 0;
        while (i < a.Length && j < b.Length) into[n++] = a[i] < b[j] ? a[i++] : b[j++];
        a[i..].CopyTo(into[n..]);
        b[j..].CopyTo(into[(n + a.Length - i)..]);
        hits.Advance(a.Length + b.Length);
    }

    // Where sizes leave no room for float scores, every point is verified.
    private ReportCost Scan(State state, ReadOnlySpan<float> query, float bias, HitList hits)
    {
        using FlatIndex flat = FlatIndex.Over(state.Log, state.Removed, Kernel.Tier);
        return flat.Report(query, bias, hits);
    }
}
