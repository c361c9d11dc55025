using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting;

/// <summary>A scan of sketches of a byte a coordinate, made exact by a bound and by the points themselves.</summary>
/// <remarks>
/// <para>Points are centred on their mean and turned by a seeded random rotation (signs and a Hadamard transform); a coordinate keeps 7 bits, a
/// point a scale of its own. For a query a, rotated to p and kept in 8 bits as p̂, the sketch score ŝ of a point with sketch ŷ obeys
/// |⟨a,x⟩ − ŝ| ≤ ‖p‖·‖y − ŷ‖ + ‖p − p̂‖·‖ŷ‖, by Cauchy–Schwarz twice. Both norms of the point are measured when it is coded, in units of its scale,
/// and the largest of 64 points are kept. Points whose interval does not hold b are decided; the others are verified with their coordinates.</para>
/// <para>O(n·d) bytes a query, a quarter of the points' own, and O(d log d) to add a point. A batch of up to eight queries shares a pass. The
/// rotation is that of fast Johnson–Lindenstrauss transforms (Ailon, Chazelle 2006); scalar codes after a rotation as in RaBitQ's multi-bit codes
/// (arXiv:2409.09913), but with a bound that always holds rather than with high probability. Why 7 bits: docs/decisions/0051.</para>
/// </remarks>
public sealed partial class SketchIndex : UpdatableIndex
{
    /// <summary>The seed of the rotation unless one is given.</summary>
    public const long DefaultSeed = 20241014;

    // Rows before an index that began empty takes its first centre.
    private const int FirstCentre = 64;

    private readonly SketchKernel _sketches;
    private State _state;
    private int _centredAt;

    /// <summary>Sketches a set; the points are not copied, and are read again to verify.</summary>
    /// <param name="points">n points of at most 65,536 coordinates; ids are their rows, 0 .. n−1.</param>
    /// <param name="seed">Of the rotation: equal seeds give equal sketches.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    public SketchIndex(PointSet points, long seed = DefaultSeed, SimdTier? tier = null)
        : this(NewState(new PointLog(NotNull(points)), seed), tier)
    {
    }

    /// <summary>An empty index.</summary>
    /// <param name="dimension">d.</param>
    /// <param name="seed">Of the rotation.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    public SketchIndex(int dimension, long seed = DefaultSeed, SimdTier? tier = null)
        : this(PointSet.From(ReadOnlyMemory<float>.Empty, dimension), seed, tier)
    {
    }

    private SketchIndex(State state, SimdTier? tier) : base(state.Log.Dimension, ReportKernel.For(tier))
    {
        _sketches = SketchKernel.For(tier);
        _state = state;
        _centredAt = state.Log.Count;
    }

    /// <inheritdoc/>
    public override int Count => Volatile.Read(ref _state).Count;

    /// <inheritdoc/>
    public override int IdLimit => Volatile.Read(ref _state).Log.Count;

    /// <summary>Bytes of the sketches; the points' own are not among them.</summary>
    public long SketchBytes
    {
        get
        {
            SketchLog sketches = Volatile.Read(ref _state).Sketches;
            return (long)SketchLog.CountBlocks(sketches.Count) * sketches.BlockBytes;
        }
    }

    internal override IndexKind Kind => IndexKind.Sketch;

    /// <inheritdoc/>
    /// <remarks>Each time the points have doubled since the centre was taken, all are sketched again about their mean: O(d log d) a point
    /// amortised.</remarks>
    public override int Add(ReadOnlySpan<float> point)
    {
        State state = _state;
        PointLog log = state.Log.Append(point, state.Log.Count);
        bool recentre = log.Count >= Math.Max(FirstCentre, 2L * _centredAt);
        SketchLog sketches = recentre ? SketchLog.Build(log, state.Sketches.Rotation) : state.Sketches.Append(point);
        if (recentre) _centredAt = log.Count;
        Volatile.Write(ref _state, new State(log, state.Removed, sketches));
        return state.Log.Count;
    }

    /// <inheritdoc/>
    public override bool Remove(int id) => LivePoints.Remove(ref _state, id);

    /// <inheritdoc/>
    public override bool TryCopyPoint(int id, Span<float> into) => Volatile.Read(ref _state).TryCopy(id, into);

    internal static SketchIndex Read(IndexReader reader, SimdTier? tier)
    {
        LivePoints points = LivePoints.Read(reader);
        PointLog log = points.Log;
        if (reader.Dimension > 1 << 16) throw reader.Bad($"its dimension {reader.Dimension} is more than a sketch has");
        SketchRotation rotation = new(reader.Dimension, reader.Numbers(1)[0]);
        return new SketchIndex(new State(log, points.Removed, ReadSketches(reader, log, rotation)), tier);
    }

    internal override void Write(IndexWriter writer)
    {
        State state = Volatile.Read(ref _state);
        state.Write(writer);
        writer.Add<long>(SectionId.Numbers, [state.Sketches.Rotation.Seed]);
        writer.Add<float>(SectionId.Centre, state.Sketches.Centre);
        writer.Begin<byte>(SectionId.Sketches);
        for (int i = 0; i < state.Sketches.Parts.Length; i++) writer.Append(state.Sketches.BlocksOf(i));
    }

    private protected override HalfspaceIndex Freeze() => new SketchIndex(Volatile.Read(ref _state), Kernel.Tier);

    private protected override void AddAll(HitList hits) => Volatile.Read(ref _state).AddAll(hits);

    private static SketchLog ReadSketches(IndexReader reader, PointLog log, SketchRotation rotation)
    {
        if (!reader.Has(SectionId.Sketches)) return SketchLog.Build(log, rotation);
        float[] centre = reader.Memory<float>(SectionId.Centre, reader.Dimension).ToArray();
        if (!centre.All(float.IsFinite)) throw reader.Bad("its centre is damaged");
        int bytes = SketchBlocks.Bytes(rotation.Padded);
        ReadOnlyMemory<byte> blocks = reader.Memory<byte>(SectionId.Sketches, (long)SketchLog.CountBlocks(log.Count) * bytes);
        for (int first = 0; first < log.Count; first += SketchBlocks.Points)
        {
            ReadOnlySpan<byte> block = blocks.Span.Slice(first / SketchBlocks.Points * bytes, bytes);
            if (!SketchBlocks.IsSound(block, rotation.Padded, Math.Min(SketchBlocks.Points, log.Count - first))) throw reader.Bad("its sketches are damaged");
        }

        return SketchLog.Of(rotation, centre, blocks, log.Count);
    }

    private static State NewState(PointLog log, long seed) =>
        new(log, RemovedSet.Empty, SketchLog.Build(log, new SketchRotation(log.Dimension, seed)));

    private sealed record State(PointLog Log, RemovedSet Removed, SketchLog Sketches) : LivePoints(Log, Removed)
    {
        /// <summary>An upper bound of ‖x − μ‖.</summary>
        public double MaxSize { get; } = Log.MaxNorm + Norm(Sketches.Centre);

        private static double Norm(float[] values) => Math.Sqrt(values.Sum(v => (double)v * v)) * (1 + 1e-6);
    }
}
