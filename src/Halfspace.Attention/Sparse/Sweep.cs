using System.Runtime.InteropServices;
using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>One pass over a head's sketches for a position's rows, the heads of a group, whose thresholds are known before it: it scores, reports and sums the
/// tail, and keeps no scores.</summary>
/// <remarks>All rows attend exactly to what one of them reports: heads of a group report much the same keys, and a key that is read serves all. Cut into
/// parts that any threads may take; results do not depend on which did.</remarks>
internal sealed class Sweep : IDisposable
{
    private const int Block = KeyBlocks.Keys;

    // Blocks of which all rows' scores are kept at once: few rows' are worth fewer calls, many rows' must stay near.
    private const int MostBlocks = 16, BlocksOfMany = 4, Few = 8;

    // Blocks after which running sums in float are added to sums in double.
    private const int BlocksOfSum = 16;

    private const int TailFloats = 5;

    // Where the tail weighs so little in units of the threshold's weight, the threshold is far above all scores and sums may have lost them.
    private const double LeastMass = 1e-25;

    private readonly AttentionKernels _kernels;
    private readonly AttentionOptions _options;
    private readonly ThresholdPolicy _policy;
    private readonly RowSketches _sketches;
    private readonly Buffer<float> _queries = new(), _products = new(), _regressions = new(), _tails = new(), _means = new(), _work = new();
    private double[] _meanNorms = [];
    private float[] _biases = [], _bounds = [], _references = [];
    private IndexSums[] _sums = [];
    private HeadCache? _head;
    private HeadIndex? _index;
    private int _rows, _visible, _parts;

    public Sweep(HeadAttention attention)
    {
        _kernels = AttentionKernels.For(attention.Tier);
        _options = attention.Options;
        _policy = new ThresholdPolicy(_kernels, _options.Policy);
        _sketches = new RowSketches(_kernels, SketchKernel.For(attention.Tier));
    }

    /// <summary>Clusters of the index.</summary>
    public int Clusters => _index!.Clusters.Length;

    /// <summary>The keys that are read.</summary>
    public IndexMarks Marks { get; } = new();

    /// <summary>A row's threshold b, in nats.</summary>
    public float Bias(int row) => _biases[row];

    /// <summary>The rows, [rows, d], scaled.</summary>
    public ReadOnlySpan<float> Queries => _queries.All;

    /// <summary>Takes a position.</summary>
    /// <param name="head">Keys and values; its index holds positions below <paramref name="visible"/> only.</param>
    /// <param name="queries">[group, d], scaled by 1/√d.</param>
    /// <param name="group">Query heads.</param>
    /// <param name="visible">Keys seen.</param>
    /// <param name="parts">Parts that <see cref="Score"/> will be called for.</param>
    /// <returns>False if a row cannot be sketched.</returns>
    public bool Begin(HeadCache head, ReadOnlySpan<float> queries, int group, int visible, int parts)
    {
        _head = head;
        _index = head.Index!;
        _rows = group;
        _visible = visible;
        _parts = parts;
        queries[..(_rows * Dim)].CopyTo(_queries.Grown(_rows * Dim));
        if (!_sketches.TryTake(Queries, _rows, _index.Rotation)) return false;
        int clusters = Clusters, columns = _index.ColumnCount;
        Grow(ref _meanNorms, clusters);
        Grow(ref _biases, _rows);
        Grow(ref _bounds, _rows * clusters);
        Grow(ref _references, _rows * clusters);
        Grow(ref _sums, parts * clusters * _rows);
        _kernels.Product(Queries, Dim, 1, _index.Columns, columns, _products.Grown((long)_rows * columns), columns, _rows, Dim, columns, add: false);
        SetBiases();
        Marks.Begin(_index, _options.Sinks);
        _regressions.Grown((long)clusters * _rows * _index.Clusters[0].Stride);
        return true;
    }

    /// <summary>Scores a part of the index for all rows, marks what they report, and sums what is left.</summary>
    public void Score(int part, AttentionScratch scratch)
    {
        int rows = _rows, bytes = KeyBlocks.Bytes(_index!.Rotation.Padded), most = rows <= Few ? MostBlocks : BlocksOfMany, stride = most * Block;
        int running = rows * _kernels.TailLength;
        Span<float> scores = scratch.Products((rows * (stride + TailFloats)) + running + stride), work = scores[(rows * stride)..];
        Span<float> tails = work.Slice(stride, running);
        Span<TailSums> own = MemoryMarshal.Cast<float, TailSums>(work.Slice(stride + running, rows * TailFloats));
        // A cluster leaves them empty for the next.
        tails.Clear();
        for (int c = 0; c < Clusters; c++)
        {
            KeyCluster keys = _index.Clusters[c];
            (int from, int to) = Marks.Segment(part, _parts, c);
            Span<IndexSums> sums = Sums(part, c);
            sums.Clear();
            ReadOnlySpan<float> bounds = _bounds.AsSpan(c * rows, rows), references = _references.AsSpan(c * rows, rows);
            for (int block = from, blocks, summed = 0; block < to; block += blocks)
            {
                ReadOnlySpan<byte> sketches = keys.Sketches(block, Math.Min(most, to - block));
                blocks = sketches.Length / bytes;
                int count = Math.Min(blocks * Block, keys.Count - (block * Block));
                _sketches.Score(sketches, scores, stride);
                Span<ulong> marks = Marks.Words.Slice(Marks.FirstBlocks[c] + block, blocks);
                _kernels.MarkRows(scores, stride, count, bounds, marks);
                _kernels.AddTails(scores, stride, count, marks, references, work[..stride], tails);
                if ((summed += blocks) < BlocksOfSum && block + blocks < to) continue;
                _kernels.TotalTails(tails, own);
                tails.Clear();
                summed = 0;
                for (int r = 0; r < rows; r++) sums[r].Add(own[r]);
            }
        }
    }

    /// <summary>Merges what was summed, and lists what was marked.</summary>
    /// <returns>False if that is nearly all of the keys, or thresholds were far above all scores: attend in another way.</returns>
    public bool Select()
    {
        if (!Marks.TryList(_head!)) return false;
        for (int r = 0; r < _rows; r++)
        {
            double mass = 0;
            for (int c = 0; c < Clusters; c++)
            {
                ref IndexSums own = ref Sums(0, c)[r];
                for (int part = 1; part < _parts; part++) own.Add(Sums(part, c)[r]);
                mass += own.Mass;
            }
            if (!(mass > LeastMass)) return false;
        }
        return true;
    }

    /// <summary>Σ(v−c)(k−c)ᵀ·q of all rows in a cluster: it depends on no key that is read.</summary>
    public void Regress(int cluster)
    {
        KeyCluster keys = _index!.Clusters[cluster];
        _kernels.Product(Queries, Dim, 1, keys.KeyValue, keys.Stride, Regressions(cluster), keys.Stride, _rows, Dim, keys.Stride, add: false);
    }

    /// <summary>Closes all tails; <see cref="Regress"/> has been called for all clusters.</summary>
    /// <param name="read">[clusters, d], Σv of the keys that were read.</param>
    public void Close(ReadOnlySpan<float> read)
    {
        int dim = Dim;
        _tails.Grown(2L * _rows * dim).Clear();
        _means.Grown((long)Clusters * dim).Clear();
        if (_options.Tail == TailKind.None) return;
        for (int c = 0; c < Clusters; c++)
        {
            KeyCluster keys = _index!.Clusters[c];
            int left = Marks.Left(c), stride = keys.Stride;
            if (left == 0) continue;
            Span<float> mean = Mean(c), regressions = Regressions(c);
            TailModel.Mean(keys, left, read.Slice(c * dim, dim), mean);
            ReadOnlySpan<float> centre = keys.ValueCentre;
            for (int i = 0; i < dim; i++) mean[i] += centre[i];
            _meanNorms[c] = Distance.Norm(mean) * (1 + 1e-5);
            Span<IndexSums> sums = Sums(0, c);
            for (int r = 0; r < _rows; r++)
            {
                ref IndexSums tail = ref sums[r];
                tail.Count = left;
                double slope = _options.Tail == TailKind.Affine
                    ? TailModel.WholeSlope(tail, keys.Count, Product(r, Clusters + c), _sketches.Rounding(r, keys)) : 0;
                TailModel.AddWhole(
                    keys, regressions.Slice(r * stride, dim), Product(r, Clusters + c), tail.Mass, mean, slope, TailMean(r), TailTrend(r));
            }
        }
    }

    /// <summary>Joins a row's exact part, Σe^(s−max)·v, with its tail, certifies and counts it.</summary>
    /// <param name="row">The row.</param>
    /// <param name="exactMax">The largest exact score.</param>
    /// <param name="exactSum">Σe^(s−max).</param>
    /// <param name="sums">[d]; becomes the mean of the exact part.</param>
    /// <param name="output">[d].</param>
    /// <param name="counters">Added to.</param>
    public void Finish(int row, float exactMax, float exactSum, Span<float> sums, Span<float> output, ref AttentionCounters counters)
    {
        bool dropped = _options.Tail == TailKind.None;
        double mass = 0;
        for (int c = 0; c < Clusters && !dropped; c++) mass += Sums(0, c)[row].Mass;
        float max = mass > 0 ? MathF.Max(exactMax, _biases[row]) : exactMax;
        double exact = Math.Exp((double)exactMax - max), unit = Math.Exp((double)_biases[row] - max), tail = mass > 0 ? unit : 0;
        double whole = (exact * exactSum) + (tail * mass);
        float a = (float)(exact / whole), b = (float)(tail / whole), own = 1 / exactSum;
        ReadOnlySpan<float> means = TailMean(row), trends = TailTrend(row);
        for (int i = 0; i < output.Length; i++)
        {
            output[i] = (a * sums[i]) + (b * (means[i] + trends[i]));
            sums[i] *= own;
        }
        counters.CountSparse(Marks.Read.Length + _visible - _index!.Tokens, _visible, tail * mass / whole);
        Certify(row, output, sums, exact * exactSum, tail, Math.Min(unit, 1e100), whole, ref counters);
    }

    public void Dispose()
    {
        _queries.Dispose();
        _products.Dispose();
        _regressions.Dispose();
        _tails.Dispose();
        _means.Dispose();
        _work.Dispose();
        Marks.Dispose();
        _sketches.Dispose();
    }

    private int Dim => _head!.Dim;

    private Span<IndexSums> Sums(int part, int cluster) => _sums.AsSpan(((part * Clusters) + cluster) * _rows, _rows);

    private Span<float> Mean(int cluster) => _means.All.Slice(cluster * Dim, Dim);

    private Span<float> TailMean(int row) => _tails.All.Slice(row * Dim, Dim);

    private Span<float> TailTrend(int row) => _tails.All.Slice((_rows + row) * Dim, Dim);

    // ⟨q, centre of a cluster⟩, and from the clusters' number on Σ⟨q, k−c⟩.
    private float Product(int row, int column) => _products.All[(row * _index!.ColumnCount) + column];

    private Span<float> Regressions(int cluster)
    {
        int length = _rows * _index!.Clusters[cluster].Stride;
        return _regressions.All.Slice(cluster * length, length);
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length) array = new T[Math.Max(length, 2 * array.Length)];
    }

    private void SetBiases()
    {
        int rows = _rows, clusters = Clusters;
        Span<float> work = _work.Grown((rows * Dim) + rows), deviations = work[..rows];
        _index!.Spread!.Deviations(Queries, deviations, _kernels, work[rows..]);
        for (int r = 0; r < rows; r++)
        {
            double sum = 0;
            for (int c = 0; c < clusters; c++) sum += ((double)_index.Clusters[c].Count * Product(r, c)) + Product(r, clusters + c);
            float bias = _policy.Foresee(sum / _index.Tokens, deviations[r], _index.Tokens);
            _biases[r] = bias;
            for (int c = 0; c < clusters; c++)
            {
                float own = Product(r, c);
                _bounds[(c * rows) + r] = ThresholdPolicy.Least(bias, own);
                _references[(c * rows) + r] = bias - own;
            }
        }
    }

    private void Certify(int row, ReadOnlySpan<float> output, ReadOnlySpan<float> exact, double exactWeight, double tailScale, double unit,
        double whole, ref AttentionCounters counters)
    {
        Certificate certificate = new(output, exact, whole, near: _rows <= Few);
        for (int c = 0; c < Clusters; c++)
        {
            KeyCluster keys = _index!.Clusters[c];
            IndexSums tail = default;
            tail.Add(Marks.Left(c), 0, 0);
            tail.AddWeights(Sums(0, c)[row], tailScale);
            // A weight that is off is one of a score that is; and a reference is rounded.
            double error = _sketches.Error(row, keys) + AttentionKernels.TailError + (2e-7 * Math.Abs(_references[(c * _rows) + row]));
            certificate.Add(keys, tail, Mean(c), 0, error, _sketches.Deviation(row, keys), unit, _meanNorms[c]);
        }
        certificate.AddTrend(tailScale * Distance.Norm(TailTrend(row)));
        certificate.Count(_options.Tail, exactWeight, ref counters);
    }
}
