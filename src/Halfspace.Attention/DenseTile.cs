using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Dense causal attention of many positions. A tile of rows (positions × heads of the group) shares each key block, whose scores
/// are kept as [keys, rows]: weights are made down the columns without sums across lanes, and only blocks that reach into the tile's own
/// positions are masked.</summary>
internal sealed class DenseTile(AttentionKernels kernels)
{
    private const int KeyBlock = 64;
    private const int RowsWanted = 96;

    /// <summary>Below any score: queries are at most 2^50 and keys at most 65,504.</summary>
    public const float Hidden = -1e30f;

    /// <summary>Positions that a tile takes at once.</summary>
    public static int Positions(int group) => Math.Max(1, RowsWanted / group);

    /// <summary>Attends to all visible keys.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="queries">[rows, group, d], scaled by 1/√d.</param>
    /// <param name="group">Query heads of a position.</param>
    /// <param name="rows">Positions.</param>
    /// <param name="firstPosition">The position of row 0.</param>
    /// <param name="weights">What is made of scores.</param>
    /// <param name="output">Row r at r · <paramref name="outputStride"/>.</param>
    /// <param name="outputStride">From one output row to the next.</param>
    /// <param name="scratch">Buffers.</param>
    public void Attend<TWeights>(HeadCache head, ReadOnlySpan<float> queries, int group, int rows, int firstPosition,
        ref TWeights weights, Span<float> output, int outputStride, AttentionScratch scratch)
        where TWeights : struct, ITileWeights, allows ref struct
    {
        int width = group * head.Dim, step = Positions(group);
        for (int r = 0; r < rows; r += step)
        {
            int take = Math.Min(step, rows - r);
            Attend(head, queries.Slice(r * width, take * width), group, take, r, firstPosition + r, [], 0, ref weights, output[(r * outputStride)..],
                outputStride, scratch);
        }
    }

    /// <summary>Attends to listed keys, which all rows see, and to those from a position on.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="queries">[positions, group, d], scaled by 1/√d.</param>
    /// <param name="group">Query heads of a position.</param>
    /// <param name="positions">At most <see cref="Positions"/>.</param>
    /// <param name="firstRow">What the first position counts as among the weights' rows.</param>
    /// <param name="firstPosition">The first position.</param>
    /// <param name="listed">Addresses of keys.</param>
    /// <param name="from">The first key besides, at most the first position.</param>
    /// <param name="weights">What is made of scores.</param>
    /// <param name="output">Row r at r · <paramref name="outputStride"/>.</param>
    /// <param name="outputStride">From one output row to the next.</param>
    /// <param name="scratch">Buffers.</param>
    public void Attend<TWeights>(HeadCache head, ReadOnlySpan<float> queries, int group, int positions, int firstRow, int firstPosition,
        ReadOnlySpan<nint> listed, int from, ref TWeights weights, Span<float> output, int outputStride, AttentionScratch scratch)
        where TWeights : struct, ITileWeights, allows ref struct
    {
        int dim = head.Dim, rows = positions * group;
        int columns = Padded(rows), valueStride = Padded(dim);
        Slices slices = new(scratch.Floats(
            Slices.Size(dim * columns) + Slices.Size(KeyBlock * columns) + Slices.Size(KeyBlock * dim) + Slices.Size(KeyBlock * valueStride)
            + Slices.Size(rows * valueStride) + Slices.Size(TWeights.Kept * columns)));
        Span<float> turned = slices.Take(dim * columns);           // [d, rows]
        Span<float> scores = slices.Take(KeyBlock * columns);      // [keys, rows]
        Span<float> keys = slices.Take(KeyBlock * dim);            // [keys, d]
        Span<float> values = slices.Take(KeyBlock * valueStride);  // [keys, d]
        Span<float> sums = slices.Take(rows * valueStride);        // [rows, d]
        Turn(queries, rows, dim, turned, columns);
        sums.Clear();
        weights.Begin(firstRow * group, rows, slices.Take(TWeights.Kept * columns));

        for (int first = 0; first < listed.Length; first += KeyBlock)
        {
            ReadOnlySpan<nint> own = listed.Slice(first, Math.Min(KeyBlock, listed.Length - first));
            kernels.WidenAt(own, 0, dim, keys, dim);
            kernels.WidenAt(own, head.ValueOffset, dim, values, valueStride);
            kernels.Product(keys, dim, 1, turned, columns, scores, columns, own.Length, dim, columns, add: false);
            weights.Weigh(kernels, scores, own.Length, 0, sums, valueStride);
            kernels.Product(scores, 1, columns, values, valueStride, sums, valueStride, rows, own.Length, valueStride, add: true);
        }
        int visible = firstPosition + positions;
        for (int first = from, count; first < visible; first += count)
        {
            int block = first / KeyValueCache.BlockTokens, at = first % KeyValueCache.BlockTokens * dim;
            count = Math.Min(KeyBlock - (first % KeyBlock), visible - first);
            kernels.Widen(head.Keys(block).Slice(at, count * dim), dim, [], keys, dim);
            kernels.Widen(head.Values(block).Slice(at, count * dim), dim, [], values, valueStride);
            // Rows before this see none of the block.
            int blind = Math.Clamp((first - firstPosition) * group, 0, rows);
            int start = blind / kernels.Width * kernels.Width;
            kernels.Product(keys, dim, 1, turned[start..], columns, scores[start..], columns, count, dim, columns - start, add: false);
            for (int i = Math.Max(0, firstPosition - first); i < count; i++)
                scores.Slice((i * columns) + start, Math.Max(0, ((first + i - firstPosition) * group) - start)).Fill(Hidden);
            weights.Weigh(kernels, scores[start..], count, start, sums, valueStride);
            kernels.Product(scores[start..], 1, columns, values, valueStride, sums[(start * valueStride)..], valueStride,
                rows - start, count, valueStride, add: true);
        }
        for (int r = 0; r < rows; r++)
            weights.Finish(r, sums.Slice(r * valueStride, dim), output.Slice((r / group * outputStride) + (r % group * dim), dim));
    }

    private static void Turn(ReadOnlySpan<float> queries, int rows, int dim, Span<float> turned, int columns)
    {
        for (int c = 0; c < dim; c++)
        {
            Span<float> to = turned.Slice(c * columns, columns);
            for (int r = 0; r < rows; r++) to[r] = queries[(r * dim) + c];
            to[rows..].Clear();
        }
    }

    private int Padded(int length) => (length + kernels.Width - 1) / kernels.Width * kernels.Width;
}
