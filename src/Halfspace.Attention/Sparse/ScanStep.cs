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
    private readonly Buffer<float> _queries = new(), _scores = new(), _sums = new(), _products = new(), _regressions = new(), _means = new();
    private readonly Buffer<ulong> _marks = new();
    private readonly Buffer<nint> _addresses = new();
    private readonly Buffer<int> _slots = new();
    private int[] _firstBlock = [], _firstReported = [];
    private float[] _bases = [], _max = [], _exactMax = [], _exactSum = [];
    private ScoreMoments[] _partMoments = [];
    private ScoreSums[] _partSums = [];
    private IndexSums[] _totals = [], _tails = [];
    private float[] _reference = [];
    private HeadCache? _head;
    private HeadIndex? _index;
    private int _group, _visible, _stride, _parts, _reported;

    public ScanStep(HeadAttention attention) : base(attention)
    {
        _kernels = AttentionKernels.For(attention.Tier);
        _sketches = new RowSketches(_kernels, SketchKernel.For(attention.Tier));
        _options = attention.Options;
        _policy = new ThresholdPolicy(_kernels, _options.Policy);
    }

    private int Dim => _head!.Dim;

    private int Clusters => _index!.Clusters.Length;

    public override ReadOnlySpan<nint> Read => _addresses.All[.._reported];

    public override bool Begin(HeadCache head, ReadOnlySpan<float> queries, int group, int visible, int parts)
    {
        _head = head;
        _index = head.Index!;
        _group = group;
        _visible = visible;
        _parts = parts;
        int clusters = Clusters, blocks = 0;
        Grow(ref _firstBlock, clusters + 1);
        Grow(ref _firstReported, clusters + 1);
        for (int c = 0; c < clusters; c++)
        {
            _firstBlock[c] = blocks;
            blocks += _index.Clusters[c].Blocks;
        }
        _firstBlock[clusters] = blocks;
        _stride = blocks * Block;
        queries.CopyTo(_queries.Grown(group * Dim));
        _scores.Grown((long)group * _stride);
        _marks.Grown(blocks);
        Grow(ref _bases, group * clusters);
        Grow(ref _max, group);
        Grow(ref _partMoments, parts * clusters * group);
        Grow(ref _partSums, parts * clusters * group);
        Grow(ref _totals, clusters * group);
        Grow(ref _tails, parts * clusters * group);
        Grow(ref _reference, group);
        Grow(ref _exactMax, (parts + 1) * group);
        Grow(ref _exactSum, (parts + 1) * group);
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
        int clusters = Clusters, blocks = _stride / Block;
        Span<ulong> marks = _marks.All[..blocks];
        marks.Clear();
        MarkSinks(marks);
        Span<float> scores = _scores.All;
        for (int r = 0; r < _group; r++)
        {
            Span<IndexSums> totals = _totals.AsSpan(r * clusters, clusters);
            Total(r, totals);
            IndexScores row = new(scores.Slice(r * _stride, _stride), _bases.AsSpan(r * clusters, clusters), _firstBlock, totals, _max[r],
                _policy.NeedsWeights ? WindowMass(r, scratch) : 0, _index!, _policy.NeedsWeights ? Math.Exp(ScoreError(r)) : 1);
            // Nothing that is left weighs more than what the threshold or the largest score does.
            _reference[r] = MathF.Min(_policy.Mark(row, marks, scratch), _max[r]);
        }
        int reported = 0;
        foreach (ulong mark in marks) reported += System.Numerics.BitOperations.PopCount(mark);
        if ((_index!.Tokens - reported) * DenseShare < _index.Tokens) return false;
        List(marks, reported);
        Hide();
        _sums.Grown((long)(_parts + 1) * PartLength);
        return true;
    }

    public override void Attend(int part, AttentionScratch scratch)
    {
        int from = (int)((long)_reported * part / _parts), to = (int)((long)_reported * (part + 1) / _parts);
        int count = to - from, dim = Dim, clusters = Clusters, group = _group;
        Span<float> sums = Sums(part);
        sums.Clear();
        ReadOnlySpan<nint> addresses = _addresses.All.Slice(from, count);
        // What lies anywhere in memory comes while the tail is weighed.
        AttentionKernels.Ask(addresses, _head!.ValueOffset, dim);
        for (int c = part; c < clusters; c += _parts) AttentionKernels.Ask(_index!.Clusters[c].KeyValue);
        WeighTail(part);
        if (part == 0) AttendWindow(scratch);
        for (int c = part; c < clusters; c += _parts) Regress(c);
        for (int r = 0; r < group; r++) (_exactMax[(part * group) + r], _exactSum[(part * group) + r]) = (float.NegativeInfinity, 0);
        if (count == 0) return;

        Span<float> work = scratch.Floats(((2 * group) + 1) * count);
        Span<float> weights = work[..(group * count)], rest = work.Slice(group * count, (group + 1) * count);
        _kernels.ScoresAt(_queries.All[..(group * dim)], group, addresses, dim, weights, count);
        rest[(group * count)..].Fill(1);
        for (int r = 0; r < group; r++)
        {
            Span<float> row = weights.Slice(r * count, count);
            row.CopyTo(rest[(r * count)..]);
            float max = _kernels.Max(row);
            _exactMax[(part * group) + r] = max;
            _exactSum[(part * group) + r] = _kernels.Exponentials(row, max, row);
        }
        _kernels.AddValuesAt(weights, count, group, addresses, _head.ValueOffset, dim, sums[..(group * dim)]);
        for (int c = 0; c < clusters; c++)
        {
            (int first, int length) = Run(c, from, to);
            if (length == 0) continue;
            ExactScores exact = Exact(sums, c);
            for (int r = 0; r < group; r++)
            {
                Span<float> own = rest.Slice((r * count) + first, length);
                _kernels.Shift(own, -_bases[(r * clusters) + c]);
                exact.Scores[r] = _kernels.MeasureScores(own).Score;
            }
            // Σt·v of each row, and Σv.
            _kernels.AddValuesAt(rest[first..], count, group + 1, addresses.Slice(first, length), _head.ValueOffset, dim, ReadSums(sums, c));
        }
    }

    public override bool Finish(Span<float> output, AttentionScratch scratch)
    {
        int dim = Dim, clusters = Clusters, group = _group;
        for (int part = 1; part < _parts; part++)
        {
            for (int r = 0; r < group; r++) MergeState(0, part, r);
            Span<float> into = Sums(0)[(group * dim)..], from = Sums(part)[(group * dim)..];
            for (int i = 0; i < into.Length; i++) into[i] += from[i];
        }
        for (int r = 0; r < group; r++) MergeState(0, _parts, r);

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
            float max = mass > 0 ? MathF.Max(_exactMax[r], _reference[r]) : _exactMax[r];
            double exact = Math.Exp((double)_exactMax[r] - max), unit = Math.Exp((double)_reference[r] - max), tail = mass > 0 ? unit : 0;
            double sum = (exact * _exactSum[r]) + (tail * mass);
            Span<float> values = Sums(0).Slice(r * dim, dim), into = output.Slice(r * dim, dim), closed = tails.Slice(r * dim, dim);
            float a = (float)(exact / sum), b = (float)(tail / sum), own = 1 / _exactSum[r];
            for (int i = 0; i < dim; i++)
            {
                into[i] = (a * values[i]) + (b * closed[i]);
                values[i] *= own;
            }
            counts.CountSparse(_reported + _visible - _index!.Tokens, _visible, tail * mass / sum);
            double certificate = counts.Certificate;
            if (!Certify(r, into, values, exact * _exactSum[r], tail, Math.Min(unit, 1e100), sum, ref counts)) return false;
            if (Traced is { } traced) traced[r] = new(_reference[r], tail * mass / sum, counts.Certificate - certificate);
        }
        scratch.Counters.Add(counts);
        return true;
    }

    public override void Dispose()
    {
        _queries.Dispose();
        _scores.Dispose();
        _sums.Dispose();
        _products.Dispose();
        _sketches.Dispose();
        _regressions.Dispose();
        _means.Dispose();
        _marks.Dispose();
        _addresses.Dispose();
        _slots.Dispose();
    }

    // Values of each row; then for each cluster Σt·v of each row, Σv, and Σt of each row.
    private int PartLength => (_group * Dim) + (Clusters * ClusterLength);

    private int ClusterLength => ((_group + 1) * Dim) + _group;

    private Span<float> Sums(int part) => _sums.All.Slice(part * PartLength, PartLength);

    private Span<float> ReadSums(Span<float> sums, int cluster) =>
        sums.Slice((_group * Dim) + (cluster * ClusterLength), (_group + 1) * Dim);

    private ExactScores Exact(Span<float> sums, int cluster) =>
        new(sums.Slice((_group * Dim) + (cluster * ClusterLength) + ((_group + 1) * Dim), _group));

    private readonly ref struct ExactScores(Span<float> scores)
    {
        /// <summary>Σt of the keys read, exact, a row.</summary>
        public readonly Span<float> Scores = scores;
    }

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
            ReadOnlySpan<byte> sketches = keys.Sketches(block - _firstBlock[cluster], end - block);
            _sketches.Score(sketches, scores[(block * Block)..], _stride);
            block += sketches.Length / KeyBlocks.Bytes(_index.Rotation.Padded);
        }
    }

    private void ScoreKeys(int cluster, int firstSlot, int count, Span<float> scores, AttentionScratch scratch)
    {
        Span<nint> addresses = scratch.Addresses(count);
        KeyCluster keys = _index!.Clusters[cluster];
        int own = firstSlot - (_firstBlock[cluster] * Block);
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
        int blocks = _stride / Block, start = _firstBlock[cluster];
        int from = Math.Max((int)((long)blocks * part / _parts), start);
        int to = Math.Min((int)((long)blocks * (part + 1) / _parts), _firstBlock[cluster + 1]);
        int count = Math.Min((to - start) * Block, _index!.Clusters[cluster].Count) - ((from - start) * Block);
        return to > from ? (from * Block, count) : (start * Block, 0);
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
        ReadOnlySpan<int> slots = _slots.All;
        for (int r = 0; r < _group; r++)
        {
            for (int c = 0; c < Clusters; c++)
            {
                double score = 0, square = 0;
                Span<float> row = scores.Slice(r * _stride, _stride);
                ReadOnlySpan<int> listed = slots[_firstReported[c].._firstReported[c + 1]];
                foreach (int slot in listed)
                {
                    ref float t = ref row[slot];
                    score += t;
                    square += (double)t * t;
                    t = Hidden;
                }
                _totals[(r * Clusters) + c].Add(-listed.Length, -score, -square);
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

    // Positions ascend in a cluster: its sinks come first.
    private void MarkSinks(Span<ulong> marks)
    {
        for (int c = 0; c < Clusters; c++)
        {
            KeyCluster keys = _index!.Clusters[c];
            for (int i = 0; i < Math.Min(_options.Sinks, keys.Count) && keys.Position(i) < _options.Sinks; i++)
            {
                int slot = (_firstBlock[c] * Block) + i;
                marks[slot / 64] |= 1UL << (slot % 64);
            }
        }
    }

    private double WindowMass(int row, AttentionScratch scratch)
    {
        int count = _visible - _index!.Tokens;
        Span<float> scores = scratch.Floats(count);
        ScanWindow(_queries.All.Slice(row * Dim, Dim), 1, scores, count);
        double sum = 0;
        foreach (float s in scores) sum += Math.Exp((double)s - _max[row]);
        return sum;
    }

    private void ScanWindow(ReadOnlySpan<float> queries, int rows, Span<float> scores, int stride)
    {
        for (int first = _index!.Tokens; first < _visible;)
        {
            (int block, int at, int count) = Together(first);
            _kernels.Scores(
                queries, rows, _head!.Keys(block).Slice(at * Dim, count * Dim), Dim, scores[(first - _index.Tokens)..], stride);
            first += count;
        }
    }

    // Keys of the window that lie together from one on: their block, where in it, and how many.
    private (int Block, int At, int Count) Together(int first)
    {
        int at = first % KeyValueCache.BlockTokens;
        return (first / KeyValueCache.BlockTokens, at, Math.Min(KeyValueCache.BlockTokens - at, _visible - first));
    }

    private void AttendWindow(AttentionScratch scratch)
    {
        int count = _visible - _index!.Tokens, dim = Dim;
        Span<float> weights = scratch.Floats((long)_group * count), values = Sums(_parts)[..(_group * dim)];
        values.Clear();
        ScanWindow(_queries.All[..(_group * dim)], _group, weights, count);
        for (int r = 0; r < _group; r++)
        {
            Span<float> row = weights.Slice(r * count, count);
            float max = _kernels.Max(row);
            _exactMax[(_parts * _group) + r] = max;
            _exactSum[(_parts * _group) + r] = _kernels.Exponentials(row, max, row);
        }
        for (int first = _index.Tokens; first < _visible;)
        {
            (int block, int at, int take) = Together(first);
            _kernels.AddValues(weights[(first - _index.Tokens)..], count, _group, _head!.Values(block).Slice(at * dim, take * dim), dim, values);
            first += take;
        }
    }

    private void List(ReadOnlySpan<ulong> marks, int reported)
    {
        Span<int> slots = _slots.Grown(reported);
        Span<nint> addresses = _addresses.Grown(reported);
        int found = 0;
        for (int c = 0; c < Clusters; c++)
        {
            _firstReported[c] = found;
            KeyCluster keys = _index!.Clusters[c];
            for (int block = _firstBlock[c]; block < _firstBlock[c + 1]; block++)
            {
                if (marks[block] == 0) continue;
                ReadOnlySpan<byte> positions = keys.PositionsOf(block - _firstBlock[c]);
                for (ulong left = marks[block]; left != 0; left &= left - 1)
                {
                    int slot = System.Numerics.BitOperations.TrailingZeroCount(left);
                    slots[found] = (block * Block) + slot;
                    addresses[found++] = _head!.Address(KeyBlocks.Position(positions, slot));
                }
            }
        }
        _firstReported[Clusters] = found;
        _reported = found;
    }

    // A cluster's keys in a part of the list, counted from the part's start.
    private (int First, int Length) Run(int cluster, int from, int to)
    {
        int first = Math.Max(from, _firstReported[cluster]), end = Math.Min(to, _firstReported[cluster + 1]);
        return (first - from, Math.Max(0, end - first));
    }

    private void MergeState(int into, int other, int row)
    {
        int a = (into * _group) + row, b = (other * _group) + row;
        if (_exactSum[b] == 0) return;
        Span<float> x = Sums(into).Slice(row * Dim, Dim), y = Sums(other).Slice(row * Dim, Dim);
        float max = MathF.Max(_exactMax[a], _exactMax[b]);
        float p = _exactSum[a] == 0 ? 0 : MathF.Exp(_exactMax[a] - max), q = MathF.Exp(_exactMax[b] - max);
        for (int i = 0; i < x.Length; i++) x[i] = (p * x[i]) + (q * y[i]);
        _exactSum[a] = (p * _exactSum[a]) + (q * _exactSum[b]);
        _exactMax[a] = max;
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
        Span<float> sums = Sums(0), values = ReadSums(sums, cluster);
        ExactScores exact = Exact(sums, cluster);
        TailModel.Mean(keys, left, values.Slice(group * dim, dim), mean);
        Span<float> whole = Means(Clusters + cluster);
        for (int i = 0; i < dim; i++) whole[i] = mean[i] + keys.ValueCentre[i];
        for (int r = 0; r < group; r++)
        {
            TailModel.Add(
                keys, products.Slice(r * stride, dim), _products.All[(r * _index.ColumnCount) + Clusters + cluster], _tails[Place(0, cluster, r)], mean,
                values.Slice(r * dim, dim), exact.Scores[r], Slope(r, keys, _tails[Place(0, cluster, r)]), tails.Slice(r * dim, dim));
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
        double norm = Distance.Norm(output);
        // Nothing is certified of an output of zero but that it is exact.
        double paper = certificate.IsExact ? 0 : certificate.PaperBound(exactWeight) / norm;
        double relative = certificate.IsExact ? 0 : _options.Tail == TailKind.None ? paper : certificate.Bound(exactWeight) / norm;
        counts.CountCertificate(relative, paper, certificate.Estimate / norm);
        return _options.Policy is not AttentionPolicy.Error allowed || relative <= allowed.Relative;
    }
}
