using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>What a tile makes of scores: one attention function's weights, and their sum for each row. A row of queries is a column of scores.</summary>
internal interface ITileWeights
{
    /// <summary>Numbers kept for a column.</summary>
    static abstract int Kept { get; }

    /// <summary>Takes a tile.</summary>
    /// <param name="first">Its first row of queries.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="kept">[<see cref="Kept"/>, columns].</param>
    void Begin(int first, int rows, Span<float> kept);

    /// <summary>Makes a block of scores into weights.</summary>
    /// <param name="kernels">The tier.</param>
    /// <param name="scores">[keys, columns], from a column on.</param>
    /// <param name="keys">Keys of the block.</param>
    /// <param name="start">That column, a multiple of the register's width.</param>
    /// <param name="sums">[rows, stride], Σ weight·value of the blocks before, to be brought to this block's scale.</param>
    /// <param name="stride">From one row of sums to the next.</param>
    void Weigh(AttentionKernels kernels, Span<float> scores, int keys, int start, Span<float> sums, int stride);

    /// <summary>Writes a row's output.</summary>
    /// <param name="row">The row of the tile.</param>
    /// <param name="sums">[d], Σ weight·value; may be used up.</param>
    /// <param name="output">[d].</param>
    void Finish(int row, Span<float> sums, Span<float> output);
}
