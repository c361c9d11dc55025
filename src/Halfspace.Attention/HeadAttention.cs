using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Causal attention of the query heads that share one KV head, dense or sparse. Immutable; any number of threads may share it,
/// each with a scratch of its own.</summary>
public sealed class HeadAttention
{
    // Up to so many rows a pass of each over the keys costs less than a tile that would be mostly padding.
    private const int RowsOfATile = 8;

    private readonly DenseRow _row;
    private readonly DenseTile _tile;

    /// <summary>Attention under the given options.</summary>
    /// <param name="options">Mode, policy, sinks and window.</param>
    /// <param name="tier">The SIMD tier; none means <see cref="Simd.Selected"/>.</param>
    /// <param name="function">The model's attention function; none means softmax.</param>
    public HeadAttention(AttentionOptions options, SimdTier? tier = null, AttentionFunction? function = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        Function = function ?? new AttentionFunction.Softmax();
        Tier = tier ?? Simd.Selected;
        AttentionKernels kernels = AttentionKernels.For(Tier);
        _row = new DenseRow(kernels);
        _tile = new DenseTile(kernels);
    }

    /// <summary>Mode, policy, sinks and window.</summary>
    public AttentionOptions Options { get; }

    /// <summary>The model's attention function. A policy, sinks and a window are softmax's: ReLU attention has the bias of its own, and is exact.</summary>
    public AttentionFunction Function { get; }

    /// <summary>The SIMD tier in use.</summary>
    public SimdTier Tier { get; }

    /// <summary>Whether many rows at once, a prompt's, read the keys that they want together and a sample of the others, and need no moments of the index.</summary>
    public bool SamplesPrompts => Options.Mode == AttentionMode.Sparse && Function is AttentionFunction.Softmax && SampledTile.IsFor(Options);

    /// <summary>How many rows are best cut among threads.</summary>
    /// <param name="group">Query heads that share a KV head.</param>
    /// <param name="rows">Query rows.</param>
    /// <param name="firstPosition">The position of the first.</param>
    /// <returns>Rows of a part, and query heads: all of the group, or one where heads that attend together share nothing.</returns>
    public (int Rows, int Heads) TileOf(int group, int rows, int firstPosition)
    {
        if (group < 1) throw new ArgumentOutOfRangeException(nameof(group), group, "A group has at least 1 query head.");
        return SamplesPrompts && rows > RowsOfATile && firstPosition >= Options.PromptFrom
            ? (SampledTile.Positions, 1) : (DenseTile.Positions(group), group);
    }

    /// <summary>Attends query rows to one KV head: output = Σ wᵢ·vᵢ over the keys at positions 0 .. the row's own, with weights as
    /// <see cref="Function"/> says.</summary>
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
        Span<float> scaled = Scaled(head, queries, queryStride, group, rows, firstPosition, output, outputStride, scratch);
        if (rows == 0) return;
        if (Function is AttentionFunction.Relu relu)
            AttendRelu(relu, head, scaled, [], group, rows, firstPosition, output, outputStride, scratch);
        else
            AttendSoftmax(head, scaled, group, rows, firstPosition, output, outputStride, scratch);
        GC.KeepAlive(head);
        GC.KeepAlive(scratch);
    }

    /// <summary>The like for ReLU attention whose biases are given, rather than computed from the number of visible keys.</summary>
    /// <param name="head">Keys and values; those of the rows' own positions have been appended.</param>
    /// <param name="queries">Row r, group head g is at [r · <paramref name="queryStride"/> + g·d .. + d], unscaled.</param>
    /// <param name="queryStride">From one row to the next, at least group·d.</param>
    /// <param name="biases">b in nats, [rows, group], or [group] for one a head.</param>
    /// <param name="group">Query heads that share this KV head.</param>
    /// <param name="rows">Query rows.</param>
    /// <param name="firstPosition">The position of row 0; row r is at firstPosition + r.</param>
    /// <param name="output">Like queries.</param>
    /// <param name="outputStride">From one output row to the next, at least group·d.</param>
    /// <param name="scratch">This thread's buffers; its counters are added to.</param>
    /// <exception cref="ArgumentException">A span or stride is too short, or a position has no key.</exception>
    /// <exception cref="ArithmeticException">A query row holds NaN, infinity or a number beyond ±2^50, or a bias is not finite.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Function"/> is not ReLU.</exception>
    public void Attend(HeadCache head, ReadOnlySpan<float> queries, int queryStride, ReadOnlySpan<float> biases, int group, int rows,
        int firstPosition, Span<float> output, int outputStride, AttentionScratch scratch)
    {
        if (Function is not AttentionFunction.Relu relu)
            throw new InvalidOperationException("Only ReLU attention takes biases; make the HeadAttention with AttentionFunction.Relu.");
        Span<float> scaled = Scaled(head, queries, queryStride, group, rows, firstPosition, output, outputStride, scratch);
        if (rows == 0) return;
        ReluRows.Require(biases, group, rows);
        AttendRelu(relu, head, scaled, biases, group, rows, firstPosition, output, outputStride, scratch);
        GC.KeepAlive(head);
        GC.KeepAlive(scratch);
    }

    // The rows one after the other, divided by √d.
    private static Span<float> Scaled(HeadCache head, ReadOnlySpan<float> queries, int queryStride, int group, int rows, int firstPosition,
        ReadOnlySpan<float> output, int outputStride, AttentionScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(scratch);
        if (group < 1) throw new ArgumentOutOfRangeException(nameof(group), group, "A group has at least 1 query head.");
        Shapes.RequireRows(queries.Length, queryStride, rows, group * head.Dim, nameof(queries));
        Shapes.RequireRows(output.Length, outputStride, rows, group * head.Dim, nameof(output));
        if (firstPosition < 0 || firstPosition > head.Count - rows)
            throw new ArgumentOutOfRangeException(nameof(firstPosition), firstPosition,
                $"{rows} rows from position {firstPosition} need {(long)firstPosition + rows} keys, and the head has {head.Count}.");
        if (rows == 0) return [];
        head.RequireMemory();
        Span<float> scaled = scratch.Queries(rows * group * head.Dim);
        QueryRows.Scale(queries, queryStride, group, rows, head.Dim, firstPosition, scaled);
        return scaled;
    }

    private void AttendSoftmax(HeadCache head, ReadOnlySpan<float> queries, int group, int rows, int firstPosition, Span<float> output,
        int outputStride, AttentionScratch scratch)
    {
        int width = group * head.Dim;
        bool many = rows * group > RowsOfATile;
        bool sparse = IsSparse(head, firstPosition) && !(many && rows > 1 && head.Index!.Tokens < Options.PromptFrom);
        if (sparse && many && rows > 1 && SamplesPrompts)
        {
            AttendTiles(head, queries, group, rows, firstPosition, output, outputStride, scratch);
        }
        else if (sparse && !head.Index!.IsBehind)
        {
            SparseStep step = scratch.Step(this);
            for (int r = 0; r < rows; r++)
                AttendSparsely(step, head, queries.Slice(r * width, width), group, firstPosition + r + 1,
                    output.Slice(r * outputStride, width), scratch);
        }
        else if (many)
        {
            AttendDensely(head, queries, group, rows, firstPosition, output, outputStride, scratch);
        }
        else
        {
            for (int r = 0; r < rows; r++)
                _row.Attend(head, queries.Slice(r * width, width), group, firstPosition + r + 1, output.Slice(r * outputStride, width),
                    scratch);
        }
    }

    // Heads of a group want keys of their own: each has tiles to itself.
    private void AttendTiles(HeadCache head, ReadOnlySpan<float> queries, int group, int rows, int firstPosition, Span<float> output,
        int outputStride, AttentionScratch scratch)
    {
        const int Step = SampledTile.Positions;
        int dim = head.Dim, width = group * dim;
        SampledTile tile = scratch.Tile(this);
        for (int r = 0; r < rows; r += Step)
        {
            int take = Math.Min(Step, rows - r);
            for (int g = 0; g < group; g++)
            {
                ReadOnlySpan<float> own = tile.Take(queries[((r * width) + (g * dim))..], width, take, dim);
                Span<float> into = output.Slice((r * outputStride) + (g * dim), ((take - 1) * outputStride) + dim);
                if (!tile.TryAttend(head, own, take, firstPosition + r, into, outputStride, scratch))
                    AttendDensely(head, own, 1, take, firstPosition + r, into, outputStride, scratch);
            }
        }
    }

    private void AttendDensely(HeadCache head, ReadOnlySpan<float> queries, int group, int rows, int firstPosition, Span<float> output,
        int outputStride, AttentionScratch scratch)
    {
        SoftmaxTile weights = default;
        _tile.Attend(head, queries, group, rows, firstPosition, ref weights, output, outputStride, scratch);
        scratch.Counters.CountDense(rows * group, Visible(group, rows, firstPosition));
    }

    private void AttendRelu(AttentionFunction.Relu relu, HeadCache head, Span<float> queries, ReadOnlySpan<float> biases, int group,
        int rows, int firstPosition, Span<float> output, int outputStride, AttentionScratch scratch)
    {
        int width = group * head.Dim, each = biases.Length == group ? 0 : group;
        if (rows * group <= RowsOfATile || (Options.Mode == AttentionMode.Sparse && firstPosition >= Options.PromptFrom))
        {
            ReluStep step = scratch.ReluStep(this);
            for (int r = 0; r < rows; r++)
            {
                ReadOnlySpan<float> own = biases.IsEmpty ? [] : biases.Slice(r * each, group);
                step.Begin(head, queries.Slice(r * width, width), own, group, firstPosition + r + 1, parts: 1);
                if (step.IsSparse) step.Report(0, scratch);
                step.Attend(0, scratch);
                step.Finish(output.Slice(r * outputStride, width), scratch);
            }
            return;
        }
        int count = rows * group;
        Span<float> memory = scratch.Biases(2 * count), all = memory[..count], epsilons = memory[count..];
        if (biases.IsEmpty) ReluRows.SetBiases(relu, firstPosition, group, all);
        else for (int r = 0; r < rows; r++) biases.Slice(r * each, group).CopyTo(all[(r * group)..]);
        ReluRows.Normalise(relu, queries, all, epsilons);
        ReluTile weights = new(relu.Power, all, epsilons);
        _tile.Attend(head, queries, group, rows, firstPosition, ref weights, output, outputStride, scratch);
        scratch.Counters.CountDense(count, Visible(group, rows, firstPosition));
        scratch.Counters.KeysUsed += weights.KeysUsed;
        scratch.Counters.RowsEmpty += weights.EmptyRows;
    }

    private static long Visible(int group, int rows, int firstPosition) =>
        group * ((rows * (long)(firstPosition + 1)) + ((long)rows * (rows - 1) / 2));

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
