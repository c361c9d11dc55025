using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

public sealed partial class SketchIndex
{
    // Blocks of a tile: the marks of its points stay in the first-level cache.
    private const int TileBlocks = 128;

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

    // What sketches say of a tile's points; then, of each query, the points that they leave in doubt.
    private ReportCost Pass(
        State state, SketchQueries pass, ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, ReadOnlySpan<int> members, ReadOnlySpan<HitList> hits)
    {
        SketchLog sketches = state.Sketches;
        ReportScratch scratch = hits[0].Scratch;
        int bytes = sketches.BlockBytes;
        Span<ulong> marks = scratch.Words(2 * pass.Count * TileBlocks), inside = marks[..(pass.Count * TileBlocks)], doubt = marks[inside.Length..];
        long scanned = 0, verified = 0;
        for (int part = 0; part < sketches.Parts.Length; part++)
        {
            ReadOnlySpan<byte> blocks = sketches.BlocksOf(part);
            scanned += blocks.Length;
            for (int start = 0; start < blocks.Length; start += TileBlocks * bytes)
            {
                ReadOnlySpan<byte> some = blocks.Slice(start, Math.Min(TileBlocks * bytes, blocks.Length - start));
                int firstId = sketches.Parts[part].FirstId + (start / bytes * SketchBlocks.Points), count = some.Length / bytes;
                _sketches.Find(some, pass, inside, doubt, TileBlocks);
                for (int i = 0; i < pass.Count; i++)
                {
                    int member = members[i];
                    HalfspaceTest test = new(queries.Slice(member * Dimension, Dimension), biases[member], state.Log.MaxNorm, pass.Norm(i));
                    verified += Settle(
                        state, test, inside.Slice(i * TileBlocks, count), doubt.Slice(i * TileBlocks, count), firstId, scratch, hits[member]);
                }
            }
        }

        foreach (int member in members[..pass.Count]) state.Removed.Filter(hits[member]);
        return new(verified, 0, scanned + (verified * Dimension * sizeof(float)), (long)sketches.Count * pass.Count);
    }

    // Reports what is inside: where sketches say so, and where points that they leave in doubt do. How many points were read.
    private int Settle(
        State state, in HalfspaceTest test, Span<ulong> inside, Span<ulong> doubt, int firstId, ReportScratch scratch, HitList hits)
    {
        int places = inside.Length * SketchBlocks.Points, free = firstId + places - state.Log.Count;
        if (free > 0) (inside[^1], doubt[^1]) = (inside[^1] & (ulong.MaxValue >> free), doubt[^1] & (ulong.MaxValue >> free));
        Span<int> ids = scratch.Ids(places);
        int doubts = _sketches.Names(doubt, firstId, ids);
        foreach (int id in Verify(state, test, ids[..doubts])) inside[(id - firstId) / SketchBlocks.Points] |= 1UL << (id - firstId);
        hits.Advance(_sketches.Names(inside, firstId, hits.Reserve(places)));
        return doubts;
    }

    private Span<int> Verify(State state, in HalfspaceTest test, Span<int> open)
    {
        int kept = 0;
        for (int done = 0; done < open.Length;)
        {
            int i = state.Log.SegmentOf(open[done]);
            PointLog.Segment segment = state.Log.Segments[i];
            int end = segment.FirstId + state.Log.RowsOf(i), stop = open[^1] < end ? open.Length : done;
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

    // Where sizes leave no room for float scores, every point is verified.
    private ReportCost Scan(State state, ReadOnlySpan<float> query, float bias, HitList hits)
    {
        using FlatIndex flat = FlatIndex.Over(state, Kernel.Tier);
        return flat.Report(query, bias, hits);
    }
}
