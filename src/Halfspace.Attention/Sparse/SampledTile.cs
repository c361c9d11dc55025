using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>
/// Sparse attention of many positions of one query head, which read the same keys: neighbours in a text want much the same ones. Coarse scores of all rows say
/// what each key weighs, on average over the rows. Keys that weigh at least τ are attended exactly, and of the others a sample is: a key of weight w with
/// probability w/τ, and counted τ/w times.
/// </summary>
/// <remarks>
/// <para>Σe^s·v and Σe^s over the sample are unbiased for every row (Horvitz and Thompson) however coarse the scores that it was drawn by; these only decide
/// how far it scatters. τ follows from the number of keys that the policy allows. What decides over a key is a multiple of the golden ratio less its whole
/// part, so that draws are spread evenly over keys that lie together; the position says where these begin, so that results repeat.</para>
/// <para>There is no bound of the error, but an estimate: the deviation of the sum, from the keys that were drawn. docs/decisions/0047 has what was measured.</para>
/// </remarks>
internal sealed class SampledTile : IDisposable
{
    private const int Block = KeyBlocks.Keys;

    /// <summary>Positions that a tile takes at most. More share the scan's fixed costs and want more keys.</summary>
    public const int Positions = 64;

    // Values that are measured.
    private const int Measured = 64;

    // Tiles begin at 2 to this different places of what decides.
    private const int StartBits = 12;

    // Reading more than this share of all keys is no faster than reading them in order.
    private const double MostRead = 0.75;

    // Nats by which a row's scores may deviate: a coarse one is off by about a sixth of that, and must not be off by more than the few nats that matter.
    private const float MostDeviation = 10;

    // Rows whose scores deviate by no more weigh much the same keys as their neighbours, and none alone: one in so many stands for the others.
    private const float Alike = 3.25f;
    private const int AlikeRows = 4;

    // Deviations of a row's scores that a coarse sum reaches to.
    private const float Reach = 5.5f;

    // Where the keys below the threshold weigh more than this share of all, so few drawn ones scatter far: so many times as many are read.
    private const double Diffuse = 0.25;
    private const int More = 2;

    private const double Golden = 0.6180339887498949;

    private readonly AttentionKernels _kernels;
    private readonly AttentionOptions _options;
    private readonly DenseTile _tile;
    private readonly RowSketches _sketches;
    private readonly Buffer<float> _work = new(), _steps = new(), _weights = new(), _listedWeights = new(), _drawn = new(), _means = new(), _queries = new(),
        _chosen = new(), _deviations = new();
    private readonly Buffer<sbyte> _sums = new();
    private readonly Buffer<nint> _listed = new();
    private double[] _totals = [];
    private int[] _firstSlot = [];
    private readonly float[] _ones = [.. Enumerable.Repeat(1f, Measured)];
    private float[] _chances = [];

    public SampledTile(HeadAttention attention)
    {
        Attention = attention;
        _options = attention.Options;
        _kernels = AttentionKernels.For(attention.Tier);
        _sketches = new RowSketches(_kernels, SketchKernel.For(attention.Tier));
        _tile = new DenseTile(_kernels);
    }

    /// <summary>Whose tile it is.</summary>
    public HeadAttention Attention { get; }

    /// <summary>Whether prompts are attended to so: the number of keys must follow from the policy, and the tail be closed.</summary>
    public static bool IsFor(AttentionOptions options) => options.Tail == TailKind.Affine && ThresholdPolicy.IsForeseen(options);

    /// <summary>The rows of one query head one after the other; valid until the next.</summary>
    /// <param name="queries">Position r's at r · <paramref name="stride"/>.</param>
    /// <param name="stride">At least d.</param>
    /// <param name="positions">Positions.</param>
    /// <param name="dim">d.</param>
    public ReadOnlySpan<float> Take(ReadOnlySpan<float> queries, int stride, int positions, int dim)
    {
        if (stride == dim) return queries[..(positions * dim)];
        Span<float> own = _queries.Grown(positions * dim);
        for (int r = 0; r < positions; r++) queries.Slice(r * stride, dim).CopyTo(own[(r * dim)..]);
        return own;
    }

    /// <summary>Attends.</summary>
    /// <param name="head">Keys and values; its index holds positions below <paramref name="firstPosition"/> only.</param>
    /// <param name="queries">[positions, d], scaled by 1/√d.</param>
    /// <param name="positions">At most <see cref="Positions"/>.</param>
    /// <param name="firstPosition">The first position.</param>
    /// <param name="output">Position r at r · <paramref name="outputStride"/>.</param>
    /// <param name="outputStride">From one position's output to the next's.</param>
    /// <param name="scratch">Buffers and counters.</param>
    /// <returns>False if that cannot be done so, or would read nearly all keys: nothing was done.</returns>
    public bool TryAttend(HeadCache head, ReadOnlySpan<float> queries, int positions, int firstPosition, Span<float> output, int outputStride,
        AttentionScratch scratch)
    {
        HeadIndex index = head.Index!;
        int past = index.Tokens, wanted = ThresholdPolicy.PromptKeys(_options, past);
        if (wanted + _options.Sinks > MostRead * past) return false;
        int rows = Choose(index, queries, positions, head.Dim);
        ReadOnlySpan<float> chosen = _chosen.All[..(rows * head.Dim)];
        if (rows == 0 || !_sketches.TryTake(chosen, rows, index.Rotation) || !TryWeigh(index, chosen, rows)) return false;
        Span<float> weights = _weights.All;
        TakeSinks(head, index, weights, out int end);
        float least = Threshold(weights, wanted, out double share);
        if (share > Diffuse)
        {
            wanted *= More;
            if (wanted + _options.Sinks > MostRead * past) return false;
            least = Threshold(weights, wanted, out _);
        }
        Draw(head, index, weights, least, firstPosition, end, out int sampled, out int listed);
        ReadOnlySpan<nint> addresses = _listed.All[..listed];
        Weights own = new(_listedWeights.All[..sampled], Measure(head, addresses[..sampled], scratch), listed, past, firstPosition, scratch);
        _tile.Attend(head, queries, 1, positions, 0, firstPosition, addresses, past, ref own, output, outputStride, scratch);
        return true;
    }

    public void Dispose()
    {
        _work.Dispose();
        _steps.Dispose();
        _weights.Dispose();
        _listedWeights.Dispose();
        _drawn.Dispose();
        _means.Dispose();
        _queries.Dispose();
        _chosen.Dispose();
        _deviations.Dispose();
        _sums.Dispose();
        _listed.Dispose();
        _sketches.Dispose();
    }

    /// <summary>Takes the rows that are to be scored to <see cref="_chosen"/>, and to <see cref="_deviations"/> how much the scores of each deviate.</summary>
    /// <returns>How many; 0 if coarse scores cannot tell.</returns>
    private int Choose(HeadIndex index, ReadOnlySpan<float> queries, int positions, int dim)
    {
        Span<float> work = _work.Grown(positions + ((long)positions * dim)), all = work[..positions];
        index.Spread!.Deviations(queries[..(positions * dim)], all, _kernels, work[positions..]);
        if (!(_kernels.Max(all) <= MostDeviation)) return 0;
        Span<float> chosen = _chosen.Grown(positions * dim), deviations = _deviations.Grown(positions);
        int rows = 0, alike = 0;
        for (int r = 0; r < positions; r++)
        {
            if (all[r] <= Alike && alike++ % AlikeRows != 0) continue;
            queries.Slice(r * dim, dim).CopyTo(chosen[(rows * dim)..]);
            deviations[rows++] = all[r];
        }
        return rows;
    }

    /// <summary>What the rows weigh each slot of the index: each row's softmax over the index alone; their sum.</summary>
    /// <returns>False if coarse scores cannot tell.</returns>
    private bool TryWeigh(HeadIndex index, ReadOnlySpan<float> queries, int rows)
    {
        ReadOnlySpan<KeyCluster> clusters = index.Clusters;
        int dim = clusters[0].Dim, columns = index.ColumnCount, padded = index.Rotation.Padded, bytes = KeyBlocks.Bytes(padded);
        int slots = SetSteps(index, out float mean);
        // A line more, so that rows do not lie in the same sets of a cache.
        int stride = slots + Block;
        Span<sbyte> sums = _sums.Grown((long)rows * stride);
        Slices slices = new(_work.Grown(Slices.Size(rows * columns) + (3 * Slices.Size(rows))));
        Span<float> products = slices.Take(rows * columns), wanted = slices.Take(rows), tops = slices.Take(rows), bases = slices.Take(rows);
        ReadOnlySpan<float> deviations = _deviations.All;
        _kernels.Product(queries, dim, 1, index.Columns, columns, products, columns, rows, dim, columns, add: false);
        for (int r = 0; r < rows; r++) wanted[r] = mean > 0 ? Reach * deviations[r] / (sbyte.MaxValue * mean) : 0;
        _sketches.SetUnits(wanted, padded);
        ReadOnlySpan<float> steps = _steps.All[..slots], inverses = _steps.All[slots..], units = _sketches.Units;
        tops.Fill(float.NegativeInfinity);
        for (int c = 0; c < clusters.Length; c++)
        {
            KeyCluster keys = clusters[c];
            int first = _firstSlot[c];
            for (int block = 0, blocks; block < keys.Blocks; block += blocks)
            {
                ReadOnlySpan<byte> sketches = keys.Sketches(block, keys.Blocks - block);
                blocks = sketches.Length / bytes;
                int at = first + (block * Block);
                _sketches.Sum(sketches, inverses.Slice(at, blocks * Block), sums[at..], stride);
            }
            float largest = keys.Count > 0 ? _kernels.Max(steps.Slice(first, keys.Count)) : 0;
            for (int r = 0; r < rows; r++) tops[r] = MathF.Max(tops[r], products[(r * columns) + c] + (units[r] * largest * -sbyte.MinValue));
        }

        // In units of the largest weight there can be, so that none is too large for a float.
        if (_totals.Length < rows) _totals = new double[Math.Max(rows, 2 * _totals.Length)];
        Span<double> totals = _totals.AsSpan(0, rows);
        totals.Clear();
        for (int c = 0; c < clusters.Length; c++)
        {
            int first = _firstSlot[c];
            SetBases(products[c..], columns, tops, bases);
            _kernels.TotalCoarse(sums[first..], stride, steps[first.._firstSlot[c + 1]], units, bases, totals);
        }
        for (int r = 0; r < rows; r++)
        {
            if (!(totals[r] > 0)) return false;
            tops[r] += (float)Math.Log(totals[r]);
        }
        Span<float> weights = _weights.Grown(slots);
        for (int c = 0; c < clusters.Length; c++)
        {
            int first = _firstSlot[c];
            SetBases(products[c..], columns, tops, bases);
            _kernels.WeighCoarse(sums[first..], stride, steps[first.._firstSlot[c + 1]], units, bases, weights[first.._firstSlot[c + 1]]);
        }
        return true;
    }

    // What a cluster's centre scores for each row, less the row's top.
    private static void SetBases(ReadOnlySpan<float> products, int columns, ReadOnlySpan<float> tops, Span<float> bases)
    {
        for (int r = 0; r < bases.Length; r++) bases[r] = products[r * columns] - tops[r];
    }

    // Steps of all slots, and one over each.
    private int SetSteps(HeadIndex index, out float mean)
    {
        ReadOnlySpan<KeyCluster> clusters = index.Clusters;
        if (_firstSlot.Length <= clusters.Length) _firstSlot = new int[clusters.Length + 1];
        int slots = 0;
        for (int c = 0; c < clusters.Length; c++)
        {
            _firstSlot[c] = slots;
            slots += clusters[c].Blocks * Block;
        }
        _firstSlot[clusters.Length] = slots;
        Span<float> all = _steps.Grown(2L * slots), steps = all[..slots], inverses = all[slots..];
        double sum = 0;
        int padded = index.Rotation.Padded;
        for (int c = 0; c < clusters.Length; c++)
        {
            KeyCluster keys = clusters[c];
            Span<float> own = steps[_firstSlot[c].._firstSlot[c + 1]];
            for (int block = 0; block < keys.Blocks; block++)
                _kernels.Widen(KeyBlocks.Steps(keys.Sketches(block, 1), padded), Block, [], own.Slice(block * Block, Block), Block);
            sum += _kernels.MeasureScores(own[..keys.Count]).Score;
            // Where there is no key no score is a number, and weighs nothing.
            own[keys.Count..].Fill(float.NaN);
        }
        if (!_sketches.UsesTables)
            for (int i = 0; i < slots; i++) inverses[i] = steps[i] > 0 ? 1 / steps[i] : 0;
        mean = (float)(sum / index.Tokens);
        return slots;
    }

    // Lists the sinks, from the end of the list on, and takes their weights out.
    private void TakeSinks(HeadCache head, HeadIndex index, Span<float> weights, out int end)
    {
        Span<nint> addresses = _listed.Grown(weights.Length);
        end = addresses.Length;
        ReadOnlySpan<KeyCluster> clusters = index.Clusters;
        // Positions ascend in a cluster: its sinks come first.
        for (int c = 0; c < clusters.Length; c++)
        {
            for (int i = 0; i < Math.Min(_options.Sinks, clusters[c].Count) && clusters[c].Position(i) < _options.Sinks; i++)
            {
                weights[_firstSlot[c] + i] = 0;
                addresses[--end] = head.Address(clusters[c].Position(i));
            }
        }
    }

    /// <summary>τ with Σ min(1, w/τ) = keys; 0 if so many weigh anything at all.</summary>
    /// <param name="weights">w, at least 0.</param>
    /// <param name="keys">How many are to be read.</param>
    /// <param name="share">What the keys below τ weigh, of all.</param>
    private float Threshold(ReadOnlySpan<float> weights, int keys, out double share)
    {
        share = 0;
        double all = 0;
        for (int first = 0; first < weights.Length; first += 4096)
            all += _kernels.MeasureScores(weights.Slice(first, Math.Min(4096, weights.Length - first))).Score;
        // Each τ is too high, and what is above it is above the next.
        double tau = all / keys;
        Span<float> listed = _listedWeights.Grown(weights.Length + _kernels.Width);
        ReadOnlySpan<float> above = listed[.._kernels.Collect(weights, (float)tau, listed)];
        double left = all;
        while (above.Length > 0)
        {
            double sum = 0;
            foreach (float w in above) sum += w;
            left = all - sum;
            double next = above.Length < keys ? left / (keys - above.Length) : 0;
            if (!(next > 0)) return 0;
            if ((float)next >= (float)tau) break;
            int before = above.Length;
            tau = next;
            above = listed[.._kernels.Collect(weights, (float)tau, listed)];
            if (above.Length == before) break;
        }
        share = left / all;
        return (float)tau;
    }

    /// <summary>Lists the keys that are drawn and then those that are certain, in <see cref="_listed"/>, and of the drawn ones ln(τ/w).</summary>
    private void Draw(HeadCache head, HeadIndex index, ReadOnlySpan<float> weights, float least, int firstPosition, int end, out int sampled, out int listed)
    {
        int start = (int)((uint)firstPosition * 0x9E3779B9u >> (32 - StartBits));
        Span<float> slots = _drawn.Grown(weights.Length + _kernels.Width), counts = _listedWeights.Grown(weights.Length);
        slots = slots[.._kernels.Draw(weights, Chances(weights.Length).Slice(start, weights.Length), least, slots)];
        Span<nint> addresses = _listed.All;
        int drawn = 0, c = 0;
        foreach (float place in slots)
        {
            int slot = (int)place;
            while (slot >= _firstSlot[c + 1]) c++;
            nint address = head.Address(index.Clusters[c].Position(slot - _firstSlot[c]));
            float w = weights[slot];
            if (w >= least)
            {
                addresses[--end] = address;
                continue;
            }
            counts[drawn] = MathF.Log(least / w);
            addresses[drawn++] = address;
        }
        addresses[end..].CopyTo(addresses[drawn..]);
        sampled = drawn;
        listed = drawn + addresses.Length - end;
    }

    // What a weight must reach of τ, place after place.
    private ReadOnlySpan<float> Chances(int slots)
    {
        if (_chances.Length >= slots + (1 << StartBits)) return _chances;
        _chances = new float[(2 * slots) + (1 << StartBits)];
        for (int i = 0; i < _chances.Length; i++) _chances[i] = (float)(i * Golden % 1);
        return _chances;
    }

    // Of a part of them, evenly spread: it is for an estimate.
    private SampledValues Measure(HeadCache head, ReadOnlySpan<nint> sampled, AttentionScratch scratch)
    {
        int dim = head.Dim, count = Math.Min(sampled.Length, Measured);
        Span<float> mean = _means.Grown(dim), values = scratch.Floats(Measured * dim);
        mean.Clear();
        if (count == 0) return new SampledValues(mean, 0);
        Span<nint> some = stackalloc nint[Measured];
        for (int i = 0; i < count; i++) some[i] = sampled[(int)((long)i * sampled.Length / count)];
        _kernels.WidenAt(some[..count], head.ValueOffset, dim, values, dim);
        values = values[..(count * dim)];
        _kernels.AddValuesAt(_ones.AsSpan(0, count), count, 1, some[..count], head.ValueOffset, dim, mean);
        _kernels.Scale(mean, 1f / count);
        return new SampledValues(mean, Distance.Product(values, values) / count);
    }

    /// <summary>The values of the sampled keys: their mean, [d], and the mean of ‖v‖².</summary>
    private readonly ref struct SampledValues(ReadOnlySpan<float> mean, double square)
    {
        private readonly ReadOnlySpan<float> _mean = mean;

        /// <summary>The deviation of an output, relative to it: each drawn key adds its weight times its value's distance from the output.</summary>
        /// <param name="powers">Σw² over the sample, of the softmax weights.</param>
        /// <param name="output">[d].</param>
        public double Error(double powers, ReadOnlySpan<float> output)
        {
            double norm = Distance.Product(output, output);
            double spread = Math.Max(0, square - (2 * Distance.Product(output, _mean)) + norm);
            return norm > 0 ? Math.Sqrt(powers * spread / norm) : 0;
        }
    }

    /// <summary>Softmax over what is listed, of which the first are a sample.</summary>
    private ref struct Weights(ReadOnlySpan<float> counts, SampledValues values, int listed, int past, int firstPosition, AttentionScratch scratch)
        : ITileWeights
    {
        private readonly ReadOnlySpan<float> _counts = counts;
        private readonly SampledValues _values = values;
        private SoftmaxTile _softmax;
        private Span<float> _max, _sum, _square;
        private int _at;

        public static int Kept => SoftmaxTile.Kept + 3;

        public void Begin(int first, int rows, Span<float> kept)
        {
            int columns = kept.Length / Kept;
            _softmax.Begin(first, rows, kept[..(SoftmaxTile.Kept * columns)]);
            _max = kept.Slice(SoftmaxTile.Kept * columns, columns);
            _sum = kept.Slice((SoftmaxTile.Kept + 1) * columns, columns);
            _square = kept.Slice((SoftmaxTile.Kept + 2) * columns, columns);
            _sum.Clear();
            _square.Clear();
        }

        public void Weigh(AttentionKernels kernels, Span<float> scores, int keys, int start, Span<float> sums, int stride)
        {
            int sampled = Math.Clamp(_counts.Length - _at, 0, keys), columns = _max.Length;
            for (int i = 0; i < sampled; i++) kernels.Shift(scores.Slice(i * columns, columns), _counts[_at + i]);
            _at += keys;
            _softmax.Weigh(kernels, scores, keys, start, sums, stride);
            if (sampled == 0) return;
            kernels.AddPowers(scores, columns, sampled, _softmax.Scales, _sum, _square);
            _softmax.Maxima.CopyTo(_max);
        }

        public readonly void Finish(int row, Span<float> sums, Span<float> output)
        {
            _softmax.Finish(row, sums, output);
            double mass = 0, error = 0;
            if (_counts.Length > 0)
            {
                double unit = Math.Exp((double)_max[row] - _softmax.Max(row)) / _softmax.Sum(row);
                mass = unit * _sum[row];
                error = _values.Error(unit * unit * _square[row], output);
            }
            int visible = firstPosition + row + 1;
            scratch.Counters.CountSampled(listed + visible - past, visible, mass, error);
        }
    }
}
