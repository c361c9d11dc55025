using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Dense attention of one position: a group's query heads share each read of a key or value block, and blocks are merged as
/// states.</summary>
internal sealed class DenseRow(AttentionKernels kernels)
{
    /// <param name="head">Keys and values.</param>
    /// <param name="queries">[group, d], scaled by 1/√d.</param>
    /// <param name="group">Query heads.</param>
    /// <param name="visible">Keys seen: those at positions below it.</param>
    /// <param name="output">[group, d].</param>
    /// <param name="scratch">Buffers and counters.</param>
    public void Attend(HeadCache head, ReadOnlySpan<float> queries, int group, int visible, Span<float> output, AttentionScratch scratch)
    {
        const int Block = KeyValueCache.BlockTokens;
        int dim = head.Dim;
        Memory<float> values = scratch.Values(2 * group * dim);
        Memory<float> running = values[..(group * dim)], part = values[(group * dim)..];
        Span<float> scores = scratch.Floats(group * Block);
        Span<AttentionState> states = scratch.States(2 * group);
        Span<AttentionState> blocks = states[group..];
        for (int first = 0; first < visible; first += Block)
        {
            int count = Math.Min(Block, visible - first), length = count * dim;
            // Nothing precedes the first block: its values are the running ones.
            Memory<float> into = first == 0 ? running : part;
            kernels.Scores(queries, group, head.Keys(first / Block)[..length], dim, scores, Block);
            for (int g = 0; g < group; g++)
            {
                Span<float> row = scores.Slice(g * Block, count);
                float max = kernels.Max(row);
                blocks[g] = new AttentionState(max, kernels.Exponentials(row, max, row), into.Slice(g * dim, dim));
            }
            into.Span.Clear();
            kernels.AddValues(scores, Block, group, head.Values(first / Block)[..length], dim, into.Span);
            for (int g = 0; g < group; g++)
                states[g] = first == 0 ? blocks[g] : states[g].Merge(blocks[g], running.Slice(g * dim, dim));
        }
        for (int g = 0; g < group; g++) states[g].Normalise(output.Slice(g * dim, dim));
        scratch.Counters.CountDense(group, (long)group * visible);
    }
}
