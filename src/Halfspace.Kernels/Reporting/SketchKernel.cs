using System.Runtime.Intrinsics;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

/// <summary>Scores sketches: one pass over the blocks serves up to eight queries.</summary>
public abstract class SketchKernel
{
    private static readonly SketchKernel Scalar = new SketchKernel<WordLaneScalar, int>(SimdTier.Scalar);
    private static readonly SketchKernel V128 = new SketchKernel<WordLane128, Vector128<int>>(SimdTier.V128);
    private static readonly SketchKernel V256 = new SketchKernel<WordLane256<PairProducts>, Vector256<int>>(SimdTier.V256);
    private static readonly SketchKernel Vnni = new SketchKernel<WordLane256<VnniProducts>, Vector256<int>>(SimdTier.Vnni);
    private static readonly SketchKernel V512 = new SketchKernel<WordLane512, Vector512<int>>(SimdTier.V512);

    private protected SketchKernel(SimdTier tier) => Tier = tier;

    /// <summary>The instructions it uses.</summary>
    public SimdTier Tier { get; }

    /// <summary>The kernel of a tier; none means <see cref="Simd.Selected"/>.</summary>
    /// <exception cref="PlatformNotSupportedException">The tier does not run on this CPU.</exception>
    public static SketchKernel For(SimdTier? tier = null)
    {
        SimdTier chosen = tier ?? Simd.Selected;
        if (!Simd.Available.Contains(chosen)) Simd.Choose(chosen.ToString());
        return chosen switch
        {
            SimdTier.V512 => V512,
            SimdTier.Vnni => Vnni,
            SimdTier.V256 => V256,
            SimdTier.V128 => V128,
            _ => Scalar,
        };
    }

    /// <summary>Writes the sketch score of every point for every query.</summary>
    /// <param name="blocks">Whole blocks of <see cref="SketchBlocks"/>.</param>
    /// <param name="queries">The queries, of the blocks' D.</param>
    /// <param name="scores">[Count × stride]; 64 scores a block are written.</param>
    /// <param name="stride">From one query's scores to the next's, at least 64 a block.</param>
    public void Estimate(ReadOnlySpan<byte> blocks, SketchQueries queries, Span<float> scores, int stride)
    {
        ArgumentNullException.ThrowIfNull(queries);
        if (queries.Count == 0) return;
        int count = CheckRoom(blocks, SketchBlocks.Bytes(queries.Padded), queries, scores, stride);
        if (count > 0) EstimateCore(blocks, count, queries, scores, stride);
    }

    /// <summary>Decides, for every query, what sketches can say of {x : ⟨a,x⟩ ≥ b}.</summary>
    /// <param name="blocks">Whole blocks of <see cref="SketchBlocks"/>.</param>
    /// <param name="queries">Queries of the blocks' D, added by <see cref="SketchQueries.TryAdd"/>.</param>
    /// <param name="inside">[Count × stride]; bit i of word w is set where point 64·w + i is inside for certain. What it says of places that hold no point
    /// has no meaning.</param>
    /// <param name="doubt">The like; set where only the point itself can tell. Where neither is set, it is outside.</param>
    /// <param name="stride">From one query's words to the next's, at least one a block.</param>
    public void Find(ReadOnlySpan<byte> blocks, SketchQueries queries, Span<ulong> inside, Span<ulong> doubt, int stride)
    {
        ArgumentNullException.ThrowIfNull(queries);
        if (queries.Count == 0) return;
        int count = CheckBlocks(blocks, SketchBlocks.Bytes(queries.Padded));
        CheckRoom(queries, count, Math.Min(inside.Length, doubt.Length), stride);
        if (count > 0) FindCore(blocks, count, queries, inside, doubt, stride);
    }

    /// <summary>Writes ⟨p, ŷ⟩ of every key's sketch ŷ and every query p; the queries' centre and bias are not looked at.</summary>
    /// <param name="blocks">Whole blocks of <see cref="KeyBlocks"/>.</param>
    /// <param name="queries">The queries, of the blocks' D.</param>
    /// <param name="scores">[Count × stride]; 64 scores a block are written.</param>
    /// <param name="stride">From one query's scores to the next's, at least 64 a block.</param>
    public void ScoreKeys(ReadOnlySpan<byte> blocks, SketchQueries queries, Span<float> scores, int stride)
    {
        ArgumentNullException.ThrowIfNull(queries);
        if (queries.Count == 0) return;
        int count = CheckRoom(blocks, KeyBlocks.Bytes(queries.Padded), queries, scores, stride);
        if (count > 0) ScoreKeysCore(blocks, count, queries, scores, stride);
    }

    /// <summary>Writes ⟨p, ŷ⟩ + ‖p‖·r for every key and every query p, where r is the most that the key's ‖y − ŷ‖ can be: an upper bound of ⟨p, y⟩
    /// but for what coding p adds, <see cref="SketchQueries.ErrorBound"/> without a residual.</summary>
    /// <param name="blocks">Whole blocks of <see cref="KeyBlocks"/>.</param>
    /// <param name="queries">The queries, of the blocks' D, added by <see cref="SketchQueries.TryAddRows"/>.</param>
    /// <param name="uppers">[Count × stride]; 64 bounds a block are written.</param>
    /// <param name="stride">From one query's bounds to the next's, at least 64 a block.</param>
    public void BoundKeys(ReadOnlySpan<byte> blocks, SketchQueries queries, Span<float> uppers, int stride)
    {
        ArgumentNullException.ThrowIfNull(queries);
        if (queries.Count == 0) return;
        int count = CheckRoom(blocks, KeyBlocks.Bytes(queries.Padded), queries, uppers, stride);
        if (count > 0) BoundKeysCore(blocks, count, queries, uppers, stride);
    }

    /// <summary>Lists the places of values that are at least some number.</summary>
    /// <param name="values">Values; a multiple of 64 of them.</param>
    /// <param name="least">The number.</param>
    /// <param name="first">What the first place is called.</param>
    /// <param name="places">At least as long as <paramref name="values"/>; filled ascending.</param>
    /// <returns>How many there are.</returns>
    public int Compact(ReadOnlySpan<float> values, float least, int first, Span<int> places)
    {
        if (values.Length % SketchBlocks.Points != 0 || places.Length < values.Length)
            throw new ArgumentException($"{values.Length} values must be a multiple of {SketchBlocks.Points}, with as many places.", nameof(values));
        return CompactCore(values, least, first, places);
    }

    /// <summary>Lists the bits that are set.</summary>
    /// <param name="marks">Words of 64 bits, as <see cref="Find"/> writes them.</param>
    /// <param name="first">What the first bit is called.</param>
    /// <param name="names">At least 64 a word; filled ascending, and what follows what is filled is overwritten.</param>
    /// <returns>How many there are.</returns>
    public int Names(ReadOnlySpan<ulong> marks, int first, Span<int> names)
    {
        if (names.Length < (long)marks.Length * SketchBlocks.Points)
            throw new ArgumentException($"{marks.Length} words need {(long)marks.Length * SketchBlocks.Points} places; there are {names.Length}.", nameof(names));
        return NamesCore(marks, first, names);
    }

    private protected abstract void EstimateCore(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> scores, int stride);

    private protected abstract void FindCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<ulong> inside, Span<ulong> doubt, int stride);

    private protected abstract void ScoreKeysCore(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> scores, int stride);

    private protected abstract void BoundKeysCore(ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<float> uppers, int stride);

    private protected abstract int CompactCore(ReadOnlySpan<float> values, float least, int first, Span<int> places);

    private protected abstract int NamesCore(ReadOnlySpan<ulong> marks, int first, Span<int> names);

    private static int CheckRoom(ReadOnlySpan<byte> blocks, int bytes, SketchQueries queries, Span<float> values, int stride)
    {
        int count = CheckBlocks(blocks, bytes);
        CheckRoom(queries, (long)count * SketchBlocks.Points, values.Length, stride);
        return count;
    }

    private static int CheckBlocks(ReadOnlySpan<byte> blocks, int bytes) => blocks.Length % bytes == 0
        ? blocks.Length / bytes
        : throw new ArgumentException($"{blocks.Length} bytes are not whole blocks of {bytes}.", nameof(blocks));

    private static void CheckRoom(SketchQueries queries, long own, int room, int stride)
    {
        if (stride < own || room < ((queries.Count - 1) * (long)stride) + own)
            throw new ArgumentException($"{queries.Count} queries need {queries.Count} × {own} places; there are {room} by {stride}.", nameof(room));
    }
}
