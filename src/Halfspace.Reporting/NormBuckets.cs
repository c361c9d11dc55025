using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting;

/// <summary>Points by descending norm, in buckets that fit a cache: for sets whose norms are skewed, and thresholds above what small ones reach.</summary>
/// <remarks>
/// <para>LEMP's pruning by length (Teflioudi, Gemulla, Mykytiuk, SIGMOD 2015): ⟨a,x⟩ ≤ ‖a‖‖x‖, so for b &gt; 0 the scan stops at the first bucket
/// whose largest norm cannot reach b. For b ≤ 0, all points from the first with ‖a‖‖x‖ ≤ −b on are inside unscored. Buckets between are scanned.</para>
/// <para>O(n·d + n log n) to build, with a copy of the points; a query scores the points whose norm leaves it open, O(n·d) where norms are
/// equal.</para>
/// </remarks>
public sealed class NormBuckets : HalfspaceIndex
{
    private const int BucketBytes = 1 << 16;
    private const int LeastRows = 32;

    // A bucket ends where norms fall below this part of its largest.
    private const double LeastRatio = 0.9;

    private readonly PointSet _points;
    private readonly int[] _ids;
    private readonly int[] _rows;
    private readonly Bucket[] _buckets;

    /// <summary>Copies a set in the order of its norms.</summary>
    /// <param name="points">n points; ids are their rows, 0 .. n−1.</param>
    /// <param name="tier">The instructions to use; none means <see cref="Simd.Selected"/>.</param>
    public NormBuckets(PointSet points, SimdTier? tier = null) : this(Ordered(NotNull(points)), tier)
    {
    }

    private NormBuckets((PointSet Points, int[] Ids) ordered, SimdTier? tier) : base(ordered.Points.Dimension, ReportKernel.For(tier))
    {
        (_points, _ids) = ordered;
        _rows = new int[_ids.Length];
        for (int row = 0; row < _ids.Length; row++) _rows[_ids[row]] = row;
        _buckets = Divide(_points);
    }

    /// <inheritdoc/>
    public override int Count => _points.Count;

    /// <summary>How many buckets there are.</summary>
    public int BucketCount => _buckets.Length;

    internal override IndexKind Kind => IndexKind.NormBuckets;

    /// <inheritdoc/>
    public override bool TryCopyPoint(int id, Span<float> into)
    {
        if ((uint)id >= (uint)Count) return false;
        _points.CopyRow(_rows[id], into);
        return true;
    }

    internal static NormBuckets Read(IndexReader reader, SimdTier? tier)
    {
        PointSet points = reader.Points();
        int[] ids = reader.Memory<int>(SectionId.Permutation, points.Count).ToArray();
        bool[] seen = new bool[ids.Length];
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)ids.Length || seen[id]) throw reader.Bad("its order of points is damaged");
            seen[id] = true;
        }

        for (int row = 1; row < points.Count; row++)
            if (points.Norm(row) > points.Norm(row - 1)) throw reader.Bad($"point {row} is longer than the one before it");
        return new NormBuckets((points, ids), tier);
    }

    internal override void Write(IndexWriter writer)
    {
        writer.AddPoints(_points);
        writer.Add<int>(SectionId.Permutation, _ids);
    }

    private protected override ReportCost ReportCore(ReadOnlySpan<float> query, float bias, HitList hits)
    {
        double norm = HalfspaceTest.Norm(query);
        long scored = 0, visited = 0;
        foreach (Bucket bucket in _buckets)
        {
            // Norms are rounded up, so the reach is an upper bound of |⟨a,x⟩| in the bucket and after it.
            double reach = norm * bucket.MaxNorm;
            visited++;
            if (bias > 0 && reach < bias) break;
            if (bias <= 0 && reach <= -(double)bias)
            {
                hits.AddRange(bucket.First, Count - bucket.First);
                break;
            }

            HalfspaceTest test = new(query, bias, bucket.MaxNorm, norm);
            new PointTest(Kernel, _points, test).AddRange(bucket.First, bucket.Rows, bucket.First, hits);
            scored += bucket.Rows;
        }

        foreach (ref int id in hits.Writable) id = _ids[id];
        hits.Sort();
        return new(scored, visited, (scored * _points.BytesPerPoint) + (visited * 16));
    }

    private static (PointSet Points, int[] Ids) Ordered(PointSet points)
    {
        double[] keys = new double[points.Count];
        int[] ids = new int[points.Count];
        for (int row = 0; row < points.Count; row++) (keys[row], ids[row]) = (-points.Norm(row), row);
        Array.Sort(keys, ids);
        return (points.Reordered(ids), ids);
    }

    private static Bucket[] Divide(PointSet points)
    {
        List<Bucket> buckets = [];
        int most = Math.Max(LeastRows, BucketBytes / points.BytesPerPoint);
        for (int first = 0; first < points.Count;)
        {
            double largest = points.Norm(first);
            int rows = 1;
            while (first + rows < points.Count && rows < most && (rows < LeastRows || points.Norm(first + rows) >= LeastRatio * largest)) rows++;
            buckets.Add(new Bucket(first, rows, largest));
            first += rows;
        }

        return [.. buckets];
    }

    private readonly record struct Bucket(int First, int Rows, double MaxNorm);
}
