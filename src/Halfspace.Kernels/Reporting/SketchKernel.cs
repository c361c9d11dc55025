using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

/// <summary>Scores sketches: one pass over the blocks serves up to eight queries.</summary>
public abstract class SketchKernel
{
    private static readonly SketchKernel Scalar = new SketchKernel<WordLaneScalar>(SimdTier.Scalar);
    private static readonly SketchKernel V256 = new SketchKernel<WordLane256<PairProducts>>(SimdTier.V256);
    private static readonly SketchKernel Vnni = new SketchKernel<WordLane256<VnniProducts>>(SimdTier.Vnni);
    private static readonly SketchKernel V512 = new SketchKernel<WordLane512>(SimdTier.V512);

    private protected SketchKernel(SimdTier tier) => Tier = tier;

    /// <summary>The instructions it uses.</summary>
    public SimdTier Tier { get; }

    /// <summary>The kernel of a tier; none means <see cref="Simd.Selected"/>.</summary>
    /// <exception cref="PlatformNotSupportedException">The tier does not run on this CPU.</exception>
    public static SketchKernel For(SimdTier? tier = null)
    {
        SimdTier chosen = tier ?? Simd.Selected;
        if (!Simd.Available.Contains(chosen)) Simd.Choose(chosen.ToString());
        return chosen switch { SimdTier.V512 => V512, SimdTier.Vnni => Vnni, SimdTier.V256 => V256, _ => Scalar };
    }

    /// <summary>Writes the sketch score of every point for every query.</summary>
    /// <param name="blocks">Whole blocks of <see cref="SketchBlocks"/>.</param>
    /// <param name="queries">The queries, of the blocks' D.</param>
    /// <param name="scores">[Count × stride]; 16 scores a block are written.</param>
    /// <param name="stride">From one query's scores to the next's; a multiple of nothing, at least 16 a block.</param>
    public void Estimate(ReadOnlySpan<byte> blocks, SketchQueries queries, Span<float> scores, int stride)
    {
        int count = CountBlocks(blocks, queries);
        if (queries.Count == 0 || count == 0) return;
        if (stride < count * SketchBlocks.Points || scores.Length < ((queries.Count - 1) * stride) + (count * SketchBlocks.Points))
            throw new ArgumentException($"{count} blocks and {queries.Count} queries need more room than {scores.Length} scores.", nameof(scores));
        EstimateCore(blocks, count, queries, scores, stride);
    }

    /// <summary>Sorts points by what their bounds decide: in the half-space, outside it, or open.</summary>
    /// <param name="blocks">Whole blocks of <see cref="SketchBlocks"/>.</param>
    /// <param name="queries">The queries, of the blocks' D.</param>
    /// <param name="firstId">The id of the first block's first point.</param>
    /// <param name="found">Filled with ids, ascending: query q's inside ones from 2·q·room on, its open ones from (2·q + 1)·room on.</param>
    /// <param name="room">At least 16 a block.</param>
    /// <param name="counts">[2 × Count]: how many of each.</param>
    public void Classify(ReadOnlySpan<byte> blocks, SketchQueries queries, int firstId, Span<int> found, int room, Span<int> counts)
    {
        int count = CountBlocks(blocks, queries);
        if (room < count * SketchBlocks.Points || found.Length < 2 * queries.Count * room || counts.Length < 2 * queries.Count)
            throw new ArgumentException($"{count} blocks and {queries.Count} queries need more room than {found.Length} ids.", nameof(found));
        counts[..(2 * queries.Count)].Clear();
        if (count > 0) ClassifyCore(blocks, count, queries, firstId, found, room, counts);
    }

    private protected abstract void EstimateCore(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> scores, int stride);

    private protected abstract void ClassifyCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, int firstId, Span<int> found, int room, Span<int> counts);

    private static int CountBlocks(ReadOnlySpan<byte> blocks, SketchQueries queries)
    {
        ArgumentNullException.ThrowIfNull(queries);
        int bytes = queries.Padded == 0 ? 1 : SketchBlocks.Bytes(queries.Padded);
        if (blocks.Length % bytes != 0)
            throw new ArgumentException($"{blocks.Length} bytes are not whole blocks of {bytes}.", nameof(blocks));
        return blocks.Length / bytes;
    }
}
