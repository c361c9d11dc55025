using System.Numerics;
using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>Bounds scores by the sketches of a head's index, and verifies with their keys those that may reach b for any row of a group. Parts may be
/// taken by any threads.</summary>
internal sealed class SketchReporter(AttentionKernels kernels, SimdTier tier) : IDisposable
{
    private const int Block = KeyBlocks.Keys;

    // Blocks scored at once: their scores stay in the first cache.
    private const int Run = 16;

    // What sums in float can add to an error.
    private const double Rounding = 1e-5;

    private readonly SketchKernel _sketches = SketchKernel.For(tier);
    private readonly Buffer<float> _bases = new(), _work = new();
    private SketchQueries[] _queries = [];

    /// <summary>Takes a position.</summary>
    /// <returns>How many leading keys it answers for.</returns>
    public int Begin(in ReluGroup group)
    {
        HeadIndex index = group.Head.Index
            ?? throw new InvalidOperationException("The context keeps no index; give sparse options to its KeyValueCache.");
        if (!index.Usable || index.Tokens > group.Visible || !TryTake(group, index)) return 0;
        int columns = index.ColumnCount, dim = group.Head.Dim;
        kernels.Product(
            group.Queries, dim, 1, index.Columns, columns, _bases.Grown(group.Rows * columns), columns, group.Rows, dim, columns, add: false);
        return index.Tokens;
    }

    /// <summary>Marks keys of a part of those answered for.</summary>
    /// <param name="group">What <see cref="Begin"/> took.</param>
    /// <param name="part">Which part of the index.</param>
    /// <param name="parts">How many there are.</param>
    /// <param name="marks">A bit for each position, set for a key that is reported and otherwise left alone.</param>
    /// <param name="scratch">Buffers.</param>
    public void Report(in ReluGroup group, int part, int parts, Span<ulong> marks, AttentionScratch scratch)
    {
        HeadIndex index = group.Head.Index!;
        int blocks = 0;
        foreach (KeyCluster cluster in index.Clusters) blocks += cluster.Blocks;
        int from = (int)((long)blocks * part / parts), to = (int)((long)blocks * (part + 1) / parts), before = 0;
        for (int c = 0; c < index.Clusters.Length; c++)
        {
            KeyCluster cluster = index.Clusters[c];
            int first = Math.Max(from - before, 0), end = Math.Min(to - before, cluster.Blocks);
            before += cluster.Blocks;
            if (first < end) Report(group, c, first, end, marks, scratch);
        }
    }

    public void Dispose()
    {
        _bases.Dispose();
        _work.Dispose();
    }

    private bool TryTake(in ReluGroup group, HeadIndex index)
    {
        int padded = index.Rotation.Padded, dim = group.Head.Dim;
        Span<float> work = _work.Grown(2 * AttentionKernels.SketchKeys * padded);
        for (int first = 0, pass = 0; first < group.Rows; first += SketchQueries.Max, pass++)
        {
            if (pass == _queries.Length) _queries = [.. _queries, new SketchQueries()];
            _queries[pass].Clear(padded);
            int rows = Math.Min(SketchQueries.Max, group.Rows - first);
            if (!_queries[pass].TryAddRows(group.Queries.Slice(first * dim, rows * dim), rows, index.Rotation, kernels, work)) return false;
        }
        return true;
    }

    private void Report(in ReluGroup group, int c, int first, int end, Span<ulong> marks, AttentionScratch scratch)
    {
        KeyCluster cluster = group.Head.Index!.Clusters[c];
        int padded = group.Head.Index.Rotation.Padded;
        const int Stride = Run * Block;
        Span<float> uppers = scratch.Floats((long)group.Rows * Stride);
        Span<int> positions = scratch.Tokens(Stride);
        Span<ulong> slots = stackalloc ulong[Run];
        for (int block = first; block < end;)
        {
            ReadOnlySpan<byte> sketches = cluster.Sketches(block, Math.Min(Run, end - block));
            int taken = sketches.Length / KeyBlocks.Bytes(padded), count = Math.Min(taken * Block, cluster.Count - (block * Block));
            for (int row = 0; row < group.Rows; row += SketchQueries.Max)
                _sketches.BoundKeys(sketches, _queries[row / SketchQueries.Max], uppers[(row * Stride)..], Stride);
            slots.Clear();
            for (int r = 0; r < group.Rows; r++) kernels.Mark(uppers.Slice(r * Stride, count), Least(group, c, r), slots);
            int found = 0;
            for (int own = 0; own < taken; own++)
            {
                if (slots[own] == 0) continue;
                ReadOnlySpan<byte> listed = cluster.PositionsOf(block + own);
                for (ulong left = slots[own]; left != 0; left &= left - 1)
                    positions[found++] = KeyBlocks.Position(listed, BitOperations.TrailingZeroCount(left));
            }
            Verify(group, positions[..found], uppers, marks, scratch);
            block += taken;
        }
    }

    // Marks the candidates that reach b.
    private void Verify(in ReluGroup group, ReadOnlySpan<int> positions, Span<float> scores, Span<ulong> marks, AttentionScratch scratch)
    {
        Span<nint> addresses = scratch.Addresses(positions.Length);
        for (int i = 0; i < positions.Length; i++) addresses[i] = group.Head.Address(positions[i]);
        kernels.ScoresAt(group.Queries, group.Rows, addresses, group.Head.Dim, scores, positions.Length);
        Span<ulong> above = stackalloc ulong[Run];
        above.Clear();
        for (int r = 0; r < group.Rows; r++) kernels.Mark(scores.Slice(r * positions.Length, positions.Length), group.Biases[r], above);
        for (int word = 0; word * 64 < positions.Length; word++)
        {
            for (ulong left = above[word]; left != 0; left &= left - 1)
            {
                int position = positions[(word * 64) + BitOperations.TrailingZeroCount(left)];
                marks[position / 64] |= 1UL << (position % 64);
            }
        }
    }

    // The least upper bound, without the cluster's centre, whose key may reach b.
    private float Least(in ReluGroup group, int c, int row)
    {
        HeadIndex index = group.Head.Index!;
        KeyCluster cluster = index.Clusters[c];
        SketchQueries queries = _queries[row / SketchQueries.Max];
        int own = row % SketchQueries.Max;
        double error = queries.ErrorBound(own, 0, cluster.LargestKey + cluster.LargestResidual)
            + (Rounding * queries.Norm(own) * (cluster.LargestKey + cluster.KeyCentreNorm));
        float least = (float)(group.Biases[row] - _bases.All[(row * index.ColumnCount) + c] - error);
        return MathF.BitDecrement(least);
    }
}
