using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Causal attention of the query heads that share one KV head, dense or sparse. Immutable; any number of threads may share it,
/// each with a scratch of its own.</summary>
public sealed class HeadAttention
{
    // Up to so many rows a pass of each over the keys costs less than a tile that would be mostly padding.
    private const int RowsOfATile = 8;

    // Below so many indexed tokens a dense tile, which reads a key once for all its rows, is faster than a scan for each row.
    private const int SparsePromptFrom = 6 << 10;

    private readonly DenseRow _row;
    private readonly DenseTile _tile;

    /// <summary>Attention under the given options.</summary>
    /// <param name="options">Mode, policy, sinks and window.</param>
    /// <param name="tier">The SIMD tier; none means <see cref="Simd.Selected"/>.</param>
    public HeadAttention(AttentionOptions options, SimdTier? tier = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        Tier = tier ?? Simd.Selected;
        AttentionKernels kernels = AttentionKernels.For(Tier);
        _row = new DenseRow(kernels);
        _tile = new DenseTile(kernels);
    }

    /// <summary>Mode, policy, sinks and window.</summary>
    public AttentionOptions Options { get; }

    /// <summary>The SIMD tier in use.</summary>
    public SimdTier Tier { get; }

    /// <summary>Attends query rows to one KV head: output = Σ softmax(⟨q,kᵢ⟩/√d)·vᵢ over the keys at positions 0 .. the row's
    /// own.</summary>
    /// <param name="head">Keys and values; those of the rows' own positions have been appended.</param>
    /// <param name="queries">Row r, group head g is at [r · <paramref name="queryStride"/> + g·d .. + d], unscaled.</param>
    /// <param name="queryStride">From one row to the next, at least group·d.</param>
    /// <param name="group">Query heads that share this KV head.</param>
    /// <param name="rows">Query rows.</param>
    /// <param name="firstPosition">The position of row 0; row r is at firstPosition + r.</param>
    /// <param name="output">Like queries.</param>
    /// <param name="outputStride">From one output row to the next, at least group·d.</param>
    /// <param name="scratch">This thread's buffers; its counters are added to.</param>
    /// <exception cref="ArgumentException">A span or stride is too short, or a position has no key.</exception>
    /// <exception cref="ArithmeticException">A query row holds NaN, infinity or a number beyond ±2^50.</exception>
    public void Attend(HeadCache head, ReadOnlySpan<float> queries, int queryStride, int group, int rows, int firstPosition,
        Span<float> output, int outputStride, AttentionScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(scratch);
        if (group < 1) throw new ArgumentOutOfRangeException(nameof(group), group, "A group has at least 1 query head.");
        Shapes.RequireRows(queries.Length, queryStride, rows, group * head.Dim, nameof(queries));
        Shapes.RequireRows(output.Length, outputStride, rows, group * head.Dim, nameof(output));
        if (firstPosition < 0 || firstPosition > head.Count - rows)
            throw new ArgumentOutOfRangeException(nameof(firstPosition), firstPosition,
                $"{rows} rows from position {firstPosition} need {(long)firstPosition + rows} keys, and the head has {head.Count}.");
        if (rows == 0) return;
        head.RequireMemory();
        int width = group * head.Dim;
        Span<float> scaled = scratch.Queries(rows * width);
        QueryRows.Scale(queries, queryStride, group, rows, head.Dim, firstPosition, scaled);
        bool many = rows * group > RowsOfATile;
        if (IsSparse(head, firstPosition) && !(many && head.Index!.Tokens < SparsePromptFrom))
        {
            SparseStep step = scratch.Step(this);
            for (int r = 0; r < rows; r++)
                AttendSparsely(step, head, scaled.Slice(r * width, width), group, firstPosition + r + 1,
                    output.Slice(r * outputStride, width), scratch);
        }
        else if (many)
        {
            _tile.Attend(head, scaled, group, rows, firstPosition, output, outputStride, scratch);
        }
        else
        {
            for (int r = 0; r < rows; r++)
                _row.Attend(head, scaled.Slice(r * width, width), group, firstPosition + r + 1, output.Slice(r * outputStride, width),
                    scratch);
        }
        GC.KeepAlive(head);
        GC.KeepAlive(scratch);
    }

    // Whether a position's row is worth a scan: the index holds keys that all rows from it on see, and not all would be reported anyway.
    internal bool IsSparse(HeadCache head, int position)
    {
        if (Options.Mode == AttentionMode.Dense) return false;
        HeadIndex index = head.Index
            ?? throw new InvalidOperationException("The context keeps no index; give sparse options to its KeyValueCache.");
        return index.Tokens <= position && !SparseStep.ReportsAll(Options.Policy, index);
    }

    private void AttendSparsely(SparseStep step, HeadCache head, ReadOnlySpan<float> queries, int group, int visible, Span<float> output,
        AttentionScratch scratch)
    {
        if (step.Begin(head, queries, group, visible, 1))
        {
            step.Scan(0, scratch);
            if (step.Select(scratch))
            {
                step.Attend(0, scratch);
                if (step.Finish(output, scratch)) return;
            }
        }
        _row.Attend(head, queries, group, visible, output, scratch);
    }
}
