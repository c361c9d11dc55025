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

    // Bounds of a tile's sketches for all queries of the pass, then each query's points that they leave open.
    private ReportCost Pass(
        State state, SketchQueries pass, ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, ReadOnlySpan<int> members, ReadOnlySpan<HitList> hits)
    {
        SketchLog sketches = state.Sketches;
        int bytes = sketches.BlockBytes, tile = TilePoints / SketchBlocks.Points * bytes;
        ReportScratch scratch = hits[0].Scratch;
        Span<float> uppers = scratch.Bounds(2 * pass.Count * TilePoints)[..(2 * pass.Count * TilePoints)];
        Span<float> lowers = uppers[(pass.Count * TilePoints)..];
        long verified = 0, scanned = 0;
        bool split = false;
        for (int part = 0; part < sketches.Parts.Length; part++)
        {
            ReadOnlySpan<byte> blocks = sketches.BlocksOf(part);
            scanned += blocks.Length;
            for (int start = 0; start < blocks.Length; start += tile)
            {
                ReadOnlySpan<byte> some = blocks.Slice(start, Math.Min(tile, blocks.Length - start));
                int firstId = sketches.Parts[part].FirstId + (start / bytes * SketchBlocks.Points), points = some.Length / bytes * SketchBlocks.Points;
                _sketches.Bound(some, pass, uppers, TilePoints, split ? lowers : default);
                int most = 0;
                for (int i = 0; i < pass.Count; i++)
                {
                    HalfspaceTest test = new(
                        queries.Slice(members[i] * Dimension, Dimension), biases[members[i]], state.Log.MaxNorm, pass.Norm(i));
                    HitList list = hits[members[i]];
                    int at = i * TilePoints, before = list.Count;
                    verified += split
                        ? Split(state, test, uppers.Slice(at, points), lowers.Slice(at, points), firstId, scratch, list)
                        : Verify(state, test, uppers.Slice(at, points), firstId, list);
                    most = Math.Max(most, list.Count - before);
                }

                // Lower bounds are worth their cost where many points are inside.
                split = most > points / 8;
            }
        }

        return new(verified, 0, scanned + (verified * Dimension * sizeof(float)), (long)sketches.Count * pass.Count);
    }

    // Verifies every point that may be inside, where it will stand in the list.
    private int Verify(State state, in HalfspaceTest test, ReadOnlySpan<float> uppers, int firstId, HitList hits)
    {
        Span<int> room = hits.Reserve(uppers.Length);
        Span<int> open = Live(state, room[.._sketches.Compact(uppers, 0, firstId, room)]);
        hits.Advance(Verify(state, test, open).Length);
        return open.Length;
    }

    // Verifies points that may be inside but need not be.
    private int Split(
        State state, in HalfspaceTest test, Span<float> uppers, ReadOnlySpan<float> lowers, int firstId, ReportScratch scratch, HitList hits)
    {
        Span<int> ids = scratch.Ids(2 * TilePoints);
        Span<int> inside = Live(state, ids[.._sketches.Compact(lowers, 0, firstId, ids)]);
        foreach (int id in inside) uppers[id - firstId] = float.NegativeInfinity;
        Span<int> rest = ids[TilePoints..];
        Span<int> open = Live(state, rest[.._sketches.Compact(uppers, 0, firstId, rest)]);
        int count = open.Length;
        Merge(inside, Verify(state, test, open), hits);
        return count;
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

    private Span<int> Verify(State state, in HalfspaceTest test, Span<int> open)
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
            int found = new PointTest(Kernel, segment.Points, test).Select(rows, rows);
            if (segment.FirstId == 0 && kept == done)
            {
                kept += found;
            }
            else
            {
                for (int r = 0; r < found; r++) open[kept++] = rows[r] + segment.FirstId;
            }

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
        using FlatIndex flat = FlatIndex.Over(state, Kernel.Tier);
        return flat.Report(query, bias, hits);
    }
}
