using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Dense attention of one position: a group's query heads share each read of a key or value block, and blocks are merged as
/// states.</summary>
internal sealed class DenseRow(AttentionKernels kernels)
{
    /// <summary>Attends to all visible keys.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="queries">[group, d], scaled by 1/√d.</param>
    /// <param name="group">Query heads.</param>
    /// <param name="visible">Keys seen: those at positions below it.</param>
    /// <param name="output">[group, d].</param>
    /// <param name="scratch">Buffers and counters.</param>
    public void Attend(HeadCache head, ReadOnlySpan<float> queries, int group, int visible, Span<float> output, AttentionScratch scratch)
    {
        int dim = head.Dim;
        Span<AttentionState> states = scratch.States(2 * group)[..group];
        Attend(head, queries, group, 0, visible, states, scratch.Values(2 * group * dim), scratch);
        for (int g = 0; g < group; g++) states[g].Normalise(output.Slice(g * dim, dim));
        scratch.Counters.CountDense(group, (long)group * visible);
    }

    /// <summary>The states over the keys at positions from <paramref name="from"/> to below <paramref name="to"/>.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="queries">[group, d], scaled by 1/√d.</param>
    /// <param name="group">Query heads.</param>
    /// <param name="from">The first position, at the start of a block.</param>
    /// <param name="to">Where positions end.</param>
    /// <param name="states">[group], written.</param>
    /// <param name="values">[2, group, d]: the states' values, and as many to work in.</param>
    /// <param name="scratch">Buffers.</param>
    public void Attend(
        HeadCache head, ReadOnlySpan<float> queries, int group, int from, int to, Span<AttentionState> states, Memory<float> values,
        AttentionScratch scratch)
    {
        const int Block = KeyValueCache.BlockTokens;
        int dim = head.Dim;
        Memory<float> running = values[..(group * dim)], part = values.Slice(group * dim, group * dim);
        Span<float> scores = scratch.Floats(group * Block);
        Span<float> max = stackalloc float[group], sum = stackalloc float[group];
        states.Clear();
        for (int first = from; first < to; first += Block)
        {
            int count = Math.Min(Block, to - first), length = count * dim;
            // Nothing precedes the first block: its values are the running ones.
            Memory<float> into = first == from ? running : part;
            into.Span.Clear();
            kernels.Scores(queries, group, head.Keys(first / Block)[..length], dim, scores, Block);
            for (int g = 0; g < group; g++)
            {
                Span<float> row = scores.Slice(g * Block, count);
                max[g] = kernels.Max(row);
                sum[g] = kernels.Exponentials(row, max[g], row);
            }
            kernels.AddValues(scores, Block, group, head.Values(first / Block)[..length], dim, into.Span);
            for (int g = 0; g < group; g++)
            {
                AttentionState block = new(max[g], sum[g], into.Slice(g * dim, dim));
                states[g] = first == from ? block : states[g].Merge(block, running.Slice(g * dim, dim));
            }
        }
    }
}
