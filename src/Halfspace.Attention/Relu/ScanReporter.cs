using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Scores keys in float16, and marks those with s ≥ b for any row of a group.</summary>
internal sealed class ScanReporter(AttentionKernels kernels)
{
    /// <param name="group">The rows.</param>
    /// <param name="from">The first position.</param>
    /// <param name="to">Where positions end.</param>
    /// <param name="marks">A bit for each position, set for a key that is reported and otherwise left alone.</param>
    /// <param name="scratch">Buffers.</param>
    public void Report(in ReluGroup group, int from, int to, Span<ulong> marks, AttentionScratch scratch)
    {
        const int Block = KeyValueCache.BlockTokens, Bits = 64;
        int dim = group.Head.Dim;
        Span<float> scores = scratch.Floats((long)group.Rows * Block);
        for (int first = from / Bits * Bits; first < to;)
        {
            int at = first % Block, count = Math.Min(Block - at, to - first);
            kernels.Scores(group.Queries, group.Rows, group.Head.Keys(first / Block).Slice(at * dim, count * dim), dim, scores, Block);
            for (int r = 0; r < group.Rows; r++) kernels.Mark(scores.Slice(r * Block, count), group.Biases[r], marks[(first / Bits)..]);
            first += count;
        }
    }
}
