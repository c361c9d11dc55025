using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>A step whose thresholds are chosen from the scan: all scores are kept until then.</summary>
/// <remarks>
/// A group's heads share what is read: a key that one of them reports is attended exactly by all. Slots count the keys of the index in its own order,
/// cluster by cluster in whole blocks of 64.
/// </remarks>
internal sealed class ScanStep : SparseStep
{
    private const int Block = KeyBlocks.Keys;

    // A score that weighs nothing.
    private const float Hidden = -1e30f;

    private readonly AttentionKernels _kernels;
    private readonly RowSketches _sketches;
    private readonly AttentionOptions _options;
    private readonly ThresholdPolicy _policy;
    private readonly Buffer<float> _queries = new(), _scores = new(), _products = new(), _regressions = new(), _means = new();
    private readonly IndexMarks _marks = new();
    private readonly ExactParts _exact;
    private float[] _bases = [], _max = [];
    private ScoreMoments[] _partMoments = [];
    private ScoreSums[] _partSums = [];
    private IndexSums[] _totals = [], _tails = [];
    private float[] _reference = [];
    private HeadCache? _head;
    private HeadIndex? _index;
    private int _group, _visible, _stride, _parts;

    public ScanStep(HeadAttention attention) : base(attention)
    {
        _kernels = AttentionKernels.For(attention.Tier);
        _sketches = new RowSketches(_kernels, SketchKernel.For(attention.Tier));
        _options = attention.Options;
        _policy = new ThresholdPolicy(_kernels, _options.Policy);
        _exact = new ExactParts(_kernels);
    }

    private int Dim => _head!.Dim;

    private int Clusters => _index!.Clusters.Length;

    public override ReadOnlySpan<nint> Read => _marks.Read;

    public override bool Begin(HeadCache head, ReadOnlySpan<float> queries, int group, int visible, int parts)
    {
        _head = head;
        _index = head.Index!;
        _group = group;
        _visible = visible;
        _parts = parts;
        int clusters = Clusters;
        _marks.Begin(_index, _options.Sinks);
        _stride = _marks.Blocks * Block;
        queries.CopyTo(_queries.Grown(group * Dim));
        _scores.Grown((long)group * _stride);
        Grow(ref _bases, group * clusters);
        Grow(ref _max, group);
        Grow(ref _partMoments, parts * clusters * group);
        Grow(ref _partSums, parts * clusters * group);
        Grow(ref _totals, clusters * group);
        Grow(ref _tails, parts * clusters * group);
        Grow(ref _reference, group);
        _exact.Begin(head, group, visible, parts, clusters * ClusterLength);
        _means.Grown(2L * clusters * Dim);
        _regressions.Grown((long)clusters * group * _index.Clusters[0].Stride);
        int columns = _index.ColumnCount;
        Span<float> products = _products.Grown(group * columns);
        _kernels.Product(_queries.All, Dim, 1, _index.Columns, columns, products, columns, group, Dim, columns, add: false);
        for (int r = 0; r < group; r++) products.Slice(r * columns, clusters).CopyTo(_bases.AsSpan(r * clusters));
        return _sketches.TryTake(_queries.All, group, _index.Rotation);
    }

    public override void Scan(int part, AttentionScratch scratch)
    {
        Span<float> scores = _scores.All;
        for (int c = 0; c < Clusters; c++)
        {
            (int first, int count) = Segment(part, c);
            if (count > 0)
            {
                if (_options.Scores == ScoreSource.Sketch) ScoreSketches(c, first / Block, ((first + count - 1) / Block) + 1, scores);
                else ScoreKeys(c, first, count, scores, scratch);
            }
            for (int r = 0; r < _group; r++)
            {
                ReadOnlySpan<float> row = scores.Slice((r * _stride) + first, count);
                ScoreMoments moments = _kernels.MeasureScores(row);
                _partMoments[Place(part, c, r)] = moments;
                if (_policy.NeedsWeights) _partSums[Place(part, c, r)] = count > 0 ? _kernels.SumScores(row, moments.Max) : default;
            }
        }
    }

    public override bool Select(AttentionScratch scratch)
    {
        int clusters = Clusters;
        Span<float> scores = _scores.All;
        for (int r = 0; r < _group; r++)
        {
            Span<IndexSums> totals = _totals.AsSpan(r * clusters, clusters);
            Total(r, totals);
            IndexScores row = new(scores.Slice(r * _stride, _stride), _bases.AsSpan(r * clusters, clusters), _marks.FirstBlocks, totals, _max[r],
                _policy.NeedsWeights ? WindowMass(r, scratch) : 0, _index!, _policy.NeedsWeights ? Math.Exp(ScoreError(r)) : 1);
            // Nothing that is left weighs more than what the threshold or the largest score does.
            _reference[r] = MathF.Min(_policy.Mark(row, _marks.Words, scratch), _max[r]);
        }
        if (!_marks.TryList(_head!)) return false;
        Hide();
        return true;
    }

    public override void Attend(int part, AttentionScratch scratch)
    {
        (int from, int to) = _marks.ReadOfPart(part, _parts);
        int count = to - from, dim = Dim, clusters = Clusters, group = _group;
        _exact.Clear(part);
        Span<float> own = _exact.Extra(part);
        ReadOnlySpan<nint> addresses = _marks.Read.Slice(from, count);
        // What lies anywhere in memory comes while the tail is weighed.
        AttentionKernels.Ask(addresses, _head!.ValueOffset, dim);
        for (int c = part; c < clusters; c += _parts) AttentionKernels.Ask(_index!.Clusters[c].KeyValue);
        WeighTail(part);
        if (part == 0) _exact.AttendWindow(_queries.All, scratch);
        for (int c = part; c < clusters; c += _parts) Regress(c);
        if (count == 0) return;

        Span<float> work = scratch.Floats(((2 * group) + 1) * count);
        Span<float> weights = work[..(group * count)], rest = work.Slice(group * count, (group + 1) * count);
        _kernels.ScoresAt(_queries.All[..(group * dim)], group, addresses, dim, weights, count);
        rest[(group * count)..].Fill(1);
        for (int r = 0; r < group; r++)
        {
            Span<float> row = weights.Slice(r * count, count);
            row.CopyTo(rest[(r * count)..]);
            _exact.Weigh(part, r, row);
        }
        _kernels.AddValuesAt(weights, count, group, addresses, _head.ValueOffset, dim, _exact.Values(part));
        for (int c = 0; c < clusters; c++)
        {
            (int first, int length) = _marks.Run(c, from, to);
            if (length == 0) continue;
            Span<float> exact = ReadScores(own, c);
            for (int r = 0; r < group; r++)
            {
                Span<float> scores = rest.Slice((r * count) + first, length);
                _kernels.Shift(scores, -_bases[(r * clusters) + c]);
                exact[r] = _kernels.MeasureScores(scores).Score;
            }
            // Σt·v of each row, and Σv.
            _kernels.AddValuesAt(rest[first..], count, group + 1, addresses.Slice(first, length), _head.ValueOffset, dim, ReadValues(own, c));
        }
    }

    public override bool Finish(Span<float> output, AttentionScratch scratch)
    {
        int dim = Dim, clusters = Clusters, group = _group;
        _exact.Merge();
        Span<float> tails = scratch.Floats((long)group * dim);
        tails.Clear();
        MergeTails();
        bool dropped = _options.Tail == TailKind.None;
        for (int c = 0; c < clusters && !dropped; c++) CloseCluster(c, tails);
        AttentionCounters counts = default;
        for (int r = 0; r < group; r++)
        {
            double mass = 0;
            for (int c = 0; c < clusters && !dropped; c++) mass += _tails[Place(0, c, r)].Mass;
            // The tail's weights are about the scan's reference, the others about the exact maximum.
            float exactMax = _exact.Max(r), exactSum = _exact.Sum(r), max = mass > 0 ? MathF.Max(exactMax, _reference[r]) : exactMax;
            double exact = Math.Exp((double)exactMax - max), unit = Math.Exp((double)_reference[r] - max), tail = mass > 0 ? unit : 0;
            double sum = (exact * exactSum) + (tail * mass);
            Span<float> values = _exact.Values(0).Slice(r * dim, dim), into = output.Slice(r * dim, dim), closed = tails.Slice(r * dim, dim);
            float a = (float)(exact / sum), b = (float)(tail / sum), own = 1 / exactSum;
            for (int i = 0; i < dim; i++)
            {
                into[i] = (a * values[i]) + (b * closed[i]);
                values[i] *= own;
            }
            counts.CountSparse(_marks.Read.Length + _visible - _index!.Tokens, _visible, tail * mass / sum);
            double certificate = counts.Certificate;
            if (!Certify(r, into, values, exact * exactSum, tail, Math.Min(unit, 1e100), sum, ref counts)) return false;
            if (Traced is { } traced) traced[r] = new(_reference[r], tail * mass / sum, counts.Certificate - certificate);
        }
        scratch.Counters.Add(counts);
        return true;
    }

    public override void Dispose()
    {
        _queries.Dispose();
        _scores.Dispose();
        _exact.Dispose();
        _products.Dispose();
        _sketches.Dispose();
        _regressions.Dispose();
        _means.Dispose();
        _marks.Dispose();
    }

    // Of each cluster Σt·v of each row, Σv, and Σt of each row, t exact, over the keys read.
    private int ClusterLength => ((_group + 1) * Dim) + _group;

    private Span<float> ReadValues(Span<float> sums, int cluster) => sums.Slice(cluster * ClusterLength, (_group + 1) * Dim);

    private Span<float> ReadScores(Span<float> sums, int cluster) => sums.Slice((cluster * ClusterLength) + ((_group + 1) * Dim), _group);

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length) array = new T[Math.Max(length, 2 * array.Length)];
    }

    // The most that a score of the scan can be off, in nats.
    private double ScoreError(int row)
    {
        double most = 0;
        for (int c = 0; c < Clusters; c++) most = Math.Max(most, ScoreError(row, _index!.Clusters[c]));
        return most;
    }

    private double ScoreError(int row, KeyCluster cluster) =>
        _options.Scores == ScoreSource.Exact ? _sketches.Rounding(row, cluster) : _sketches.Error(row, cluster);

    private void ScoreSketches(int cluster, int first, int end, Span<float> scores)
    {
        KeyCluster keys = _index!.Clusters[cluster];
        for (int block = first; block < end;)
        {
            ReadOnlySpan<byte> sketches = keys.Sketches(block - _marks.FirstBlocks[cluster], end - block);
            _sketches.Score(sketches, scores[(block * Block)..], _stride);
            block += sketches.Length / KeyBlocks.Bytes(_index.Rotation.Padded);
        }
    }

    private void ScoreKeys(int cluster, int firstSlot, int count, Span<float> scores, AttentionScratch scratch)
    {
        Span<nint> addresses = scratch.Addresses(count);
        KeyCluster keys = _index!.Clusters[cluster];
        int own = firstSlot - (_marks.FirstBlocks[cluster] * Block);
        for (int i = 0; i < count; i++) addresses[i] = _head!.Address(keys.Position(own + i));
        _kernels.ScoresAt(_queries.All[..(_group * Dim)], _group, addresses, Dim, scores[firstSlot..], _stride);
        for (int r = 0; r < _group; r++)
        {
            float less = _bases[(r * Clusters) + cluster];
            foreach (ref float score in scores.Slice((r * _stride) + firstSlot, count)) score -= less;
        }
    }

    private int Place(int part, int cluster, int row) => (((part * Clusters) + cluster) * _group) + row;

    // A part's slots in a cluster.
    private (int First, int Count) Segment(int part, int cluster)
    {
        (int from, int to) = _marks.Segment(part, _parts, cluster);
        int start = _marks.FirstBlocks[cluster] * Block;
        return to > from ? (start + (from * Block), Math.Min(to * Block, _index!.Clusters[cluster].Count) - (from * Block)) : (start, 0);
    }

    // Sums of all parts, weights about the row's largest score.
    private void Total(int row, Span<IndexSums> totals)
    {
        int clusters = Clusters;
        float max = float.NegativeInfinity;
        totals.Clear();
        for (int p = 0; p < _parts; p++)
        {
            for (int c = 0; c < clusters; c++)
            {
                ScoreMoments moments = _partMoments[Place(p, c, row)];
                max = MathF.Max(max, moments.Max + _bases[(row * clusters) + c]);
                totals[c].Add(0, moments.Score, moments.ScoreSquare);
            }
        }
        _max[row] = max;
        for (int c = 0; c < clusters; c++)
        {
            totals[c].Count = _index!.Clusters[c].Count;
            for (int p = 0; p < _parts && _policy.NeedsWeights; p++)
            {
                float own = _partMoments[Place(p, c, row)].Max;
                if (float.IsFinite(own))
                    totals[c].Add(_partSums[Place(p, c, row)], own, Math.Exp((double)own + _bases[(row * clusters) + c] - max));
            }
        }
    }

    // Takes the listed keys out of the sums, and their scores out of the scan: what is summed then is the tail's alone, to full precision.
    private void Hide()
    {
        Span<float> scores = _scores.All;
        ReadOnlySpan<ulong> marks = _marks.Words;
        ReadOnlySpan<int> firsts = _marks.FirstBlocks;
        for (int r = 0; r < _group; r++)
        {
            Span<float> row = scores.Slice(r * _stride, _stride);
            for (int c = 0; c < Clusters; c++)
            {
                double score = 0, square = 0;
                for (int block = firsts[c]; block < firsts[c + 1]; block++)
                {
                    for (ulong left = marks[block]; left != 0; left &= left - 1)
                    {
                        ref float t = ref row[(block * Block) + System.Numerics.BitOperations.TrailingZeroCount(left)];
                        score += t;
                        square += (double)t * t;
                        t = Hidden;
                    }
                }
                _totals[(r * Clusters) + c].Add(-_marks.ReadOf(c).Length, -score, -square);
            }
        }
    }

    private void WeighTail(int part)
    {
        for (int r = 0; r < _group; r++)
        {
            for (int c = 0; c < Clusters; c++)
            {
                (int first, int count) = Segment(part, c);
                ref IndexSums tail = ref _tails[Place(part, c, r)];
                tail = default;
                if (count == 0) continue;
                float own = _reference[r] - _bases[(r * Clusters) + c];
                tail.Add(_kernels.SumScores(_scores.All.Slice((r * _stride) + first, count), own), own, 1);
            }
        }
    }

    private void MergeTails()
    {
        for (int r = 0; r < _group; r++)
        {
            for (int c = 0; c < Clusters; c++)
            {
                IndexSums tail = default, left = _totals[(r * Clusters) + c];
                tail.Add(left.Count, left.Score, left.ScoreSquare);
                for (int p = 0; p < _parts; p++) tail.AddWeights(_tails[Place(p, c, r)], 1);
                _tails[Place(0, c, r)] = tail;
            }
        }
    }

    private double WindowMass(int row, AttentionScratch scratch)
    {
        int count = _visible - _index!.Tokens;
        Span<float> scores = scratch.Floats(count);
        _exact.ScoreWindow(_queries.All.Slice(row * Dim, Dim), 1, scores, count);
        double sum = 0;
        foreach (float s in scores) sum += Math.Exp((double)s - _max[row]);
        return sum;
    }

    // Σ(v−c)(k−c)ᵀ·q of each row: it depends on no key that is read, so parts share the work.
    private void Regress(int cluster)
    {
        KeyCluster keys = _index!.Clusters[cluster];
        int stride = keys.Stride;
        _kernels.Product(
            _queries.All[..(_group * Dim)], Dim, 1, keys.KeyValue, stride, Regressions(cluster), stride, _group, Dim, stride, add: false);
    }

    private Span<float> Regressions(int cluster)
    {
        int length = _group * _index!.Clusters[cluster].Stride;
        return _regressions.All.Slice(cluster * length, length);
    }

    private void CloseCluster(int cluster, Span<float> tails)
    {
        KeyCluster keys = _index!.Clusters[cluster];
        int dim = Dim, group = _group, stride = keys.Stride, left = _totals[cluster].Count;
        Span<float> mean = Means(cluster);
        if (left == 0) return;
        ReadOnlySpan<float> products = Regressions(cluster);
        Span<float> sums = _exact.Extra(0), values = ReadValues(sums, cluster), exact = ReadScores(sums, cluster);
        TailModel.Mean(keys, left, values.Slice(group * dim, dim), mean);
        Span<float> whole = Means(Clusters + cluster);
        for (int i = 0; i < dim; i++) whole[i] = mean[i] + keys.ValueCentre[i];
        for (int r = 0; r < group; r++)
        {
            TailModel.Add(
                keys, products.Slice(r * stride, dim), _products.All[(r * _index.ColumnCount) + Clusters + cluster], _tails[Place(0, cluster, r)], mean,
                values.Slice(r * dim, dim), exact[r], Slope(r, keys, _tails[Place(0, cluster, r)]), tails.Slice(r * dim, dim));
        }
    }

    private double Slope(int row, KeyCluster cluster, in IndexSums tail) =>
        _options.Tail == TailKind.Affine && tail.Mass > 0 ? TailModel.Slope(tail, _sketches.Rounding(row, cluster)) : 0;

    private Span<float> Means(int cluster) => _means.All.Slice(cluster * Dim, Dim);

    private bool Certify(
        int row, ReadOnlySpan<float> output, ReadOnlySpan<float> exact, double exactWeight, double tailScale, double unit, double whole,
        ref AttentionCounters counts)
    {
        Certificate certificate = new(output, exact, whole, near: true);
        for (int c = 0; c < Clusters; c++)
        {
            KeyCluster keys = _index!.Clusters[c];
            IndexSums sums = _tails[Place(0, c, row)], tail = default;
            tail.Add(sums.Count, sums.Score, sums.ScoreSquare);
            tail.AddWeights(sums, tailScale);
            double deviation = _options.Scores == ScoreSource.Exact ? 0 : _sketches.Deviation(row, keys);
            certificate.Add(
                keys, tail, Means(Clusters + c), Slope(row, keys, tail), ScoreError(row, keys), deviation, unit);
        }
        double relative = certificate.Count(_options.Tail, exactWeight, ref counts);
        return _options.Policy is not AttentionPolicy.Error allowed || relative <= allowed.Relative;
    }
}
