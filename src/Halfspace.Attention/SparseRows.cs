using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Sparse causal attention of consecutive positions of one KV head: positions that see the same index are taken together, as they
/// share its moments.</summary>
internal sealed class SparseRows(AttentionKernels kernels, AttentionOptions options)
{
    private readonly SparseRow _row = new(kernels, options.Policy, options.Sinks);

    /// <summary>Positions from <paramref name="firstPosition"/> on, of <paramref name="rows"/>, that attend to all they see whatever the
    /// scores are.</summary>
    public int Dense(int rows, int firstPosition)
    {
        int dense = 0;
        while (dense < rows && _row.ReportsAll(HeadMoments.Prefix(firstPosition + dense + 1, options.Window))) dense++;
        return dense;
    }

    /// <param name="head">Keys and values.</param>
    /// <param name="queries">[rows, group, d], scaled by 1/√d.</param>
    /// <param name="group">Query heads of a position.</param>
    /// <param name="rows">Positions, none of which <see cref="Dense"/> takes.</param>
    /// <param name="firstPosition">The position of row 0.</param>
    /// <param name="output">Row r at r · <paramref name="outputStride"/>.</param>
    /// <param name="outputStride">From one output row to the next.</param>
    /// <param name="scratch">Buffers and counters.</param>
    public void Attend(HeadCache head, ReadOnlySpan<float> queries, int group, int rows, int firstPosition, Span<float> output,
        int outputStride, AttentionScratch scratch)
    {
        int dim = head.Dim, width = group * dim;
        HeadMoments? moments = null;
        for (int r = 0; r < rows;)
        {
            int prefix = HeadMoments.Prefix(firstPosition + r + 1, options.Window), run = 1;
            while (r + run < rows && HeadMoments.Prefix(firstPosition + r + run + 1, options.Window) == prefix) run++;
            moments = MomentsOf(head, prefix, moments, scratch);
            Run(head, moments, queries.Slice(r * width, run * width), group, run, firstPosition + r, output[(r * outputStride)..],
                outputStride, scratch);
            r += run;
        }
    }

    private void Run(HeadCache head, HeadMoments moments, ReadOnlySpan<float> queries, int group, int rows, int firstPosition,
        Span<float> output,
        int outputStride, AttentionScratch scratch)
    {
        int dim = head.Dim, width = group * dim, stride = moments.Stride;
        Span<float> products = scratch.Products(2 * rows * group * stride);
        Span<float> keyKey = products[..(rows * group * stride)], valueKey = products[(rows * group * stride)..];
        kernels.Product(queries, dim, 1, moments.KeyKey, stride, keyKey, stride, rows * group, dim, stride, add: false);
        kernels.Product(queries, dim, 1, moments.KeyValue, stride, valueKey, stride, rows * group, dim, stride, add: false);
        for (int r = 0; r < rows; r++)
        {
            int at = r * group * stride;
            _row.Attend(head, moments, queries.Slice(r * width, width), keyKey.Slice(at, group * stride), valueKey.Slice(at,
                group * stride),
                group, firstPosition + r + 1, output.Slice(r * outputStride, width), scratch);
        }
    }

    /// <summary>Moments of a prefix: the head's own where they are of it, or this thread's copy taken further; <paramref name="own"/> is
    /// that copy if it is in use.</summary>
    private HeadMoments MomentsOf(HeadCache head, int prefix, HeadMoments? own, AttentionScratch scratch)
    {
        HeadMoments shared = head.Moments(options.Window, kernels, scratch);
        if (shared.Tokens == prefix) return shared;
        HeadMoments mine = scratch.Moments(head.Dim);
        if (mine != own || mine.Tokens > prefix)
        {
            if (shared.Tokens < prefix) mine.CopyFrom(shared);
            else mine.Reset();
        }
        mine.Advance(head, prefix, kernels, scratch.Floats(HeadMoments.WorkLength(head.Dim)));
        return mine;
    }
}
