using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Sparse attention of one position: report, attend exactly, close the tail, merge.</summary>
internal sealed class SparseRow(AttentionKernels kernels, AttentionPolicy policy, int sinks)
{
    // Where less than this share of the index is left to the tail, reading the rest is cheaper than closing it.
    private const int DenseShare = 8;

    private readonly Reporter _reporter = new(kernels, policy);

    /// <summary>Whether a position attends to all it sees whatever the scores are.</summary>
    public bool ReportsAll(int indexed) => _reporter.ReportsAll(indexed - sinks);

    /// <param name="head">Keys and values.</param>
    /// <param name="moments">Of the index and the sinks: the prefix that ends where the recent window begins.</param>
    /// <param name="queries">[group, d], scaled by 1/√d.</param>
    /// <param name="keyKey">Σkkᵀ·q, rows <see cref="HeadMoments.Stride"/> apart.</param>
    /// <param name="valueKey">Σvkᵀ·q, likewise.</param>
    /// <param name="group">Query heads.</param>
    /// <param name="visible">Keys seen: those at positions below it.</param>
    /// <param name="output">[group, d].</param>
    /// <param name="scratch">Buffers and counters.</param>
    public void Attend(HeadCache head, HeadMoments moments, ReadOnlySpan<float> queries, ReadOnlySpan<float> keyKey,
        ReadOnlySpan<float> valueKey,
        int group, int visible, Span<float> output, AttentionScratch scratch)
    {
        int dim = head.Dim;
        long row = Slices.Size(visible);
        Slices slices = new(scratch.Floats(((group + 4) * row) + Slices.Size(Threshold.WorkLength) + Slices.Size(3 * dim)));
        Span<float> scores = slices.Take((int)(group * row));
        Span<float> work = slices.Take((int)(row + Threshold.WorkLength));
        Span<float> weights = slices.Take((int)(3 * row));
        Span<float> sums = slices.Take(3 * dim);
        Scan(head, queries, group, visible, scores, (int)row);
        for (int g = 0; g < group; g++)
        {
            int at = g * moments.Stride;
            Head(head, moments, queries.Slice(g * dim, dim), keyKey.Slice(at, dim), valueKey.Slice(at, dim),
                scores.Slice((int)(g * row), visible), work, weights, sums, output.Slice(g * dim, dim), scratch);
        }
    }

    private void Head(HeadCache head, HeadMoments moments, ReadOnlySpan<float> query, ReadOnlySpan<float> keyKey,
        ReadOnlySpan<float> valueKey,
        Span<float> scores, Span<float> work, Span<float> weights, Span<float> sums, Span<float> output, AttentionScratch scratch)
    {
        int visible = scores.Length, end = moments.Tokens, first = Math.Min(sinks, end), dim = head.Dim;
        Span<int> tokens = scratch.Tokens(end);
        for (int i = 0; i < first; i++) tokens[i] = i;
        float max = kernels.Max(scores);
        int read = first + _reporter.Report(scores, first, end, max, tokens[first..], work);
        Memory<float> values = scratch.Values(3 * dim);
        if ((end - read) * DenseShare < end)
        {
            All(head, scores, max, values[..dim]).Normalise(output);
            scratch.Counters.CountDense(1, visible);
            return;
        }

        Span<float> exact = weights[..read], ones = weights.Slice(read, read), listed = weights.Slice(2 * read, read);
        double centre = 0;
        for (int c = 0; c < dim; c++) centre += query[c] * (double)moments.KeyCentre[c];
        double score = 0, square = 0;
        for (int i = 0; i < read; i++)
        {
            float s = scores[tokens[i]];
            exact[i] = s;
            listed[i] = (float)(s - centre);
            score += listed[i];
            square += (double)listed[i] * listed[i];
            scores[tokens[i]] = Reporter.Hidden;
        }
        ones.Fill(1);
        float sum = kernels.Exponentials(exact, max, exact);
        sums.Clear();
        Gather(head, tokens[..read], weights[..(3 * read)], sums);
        sums[..dim].CopyTo(values.Span);
        AttentionState state = new(max, sum, values[..dim]);
        state = state.Merge(Window(head, scores, end, max, values.Slice(dim, dim)), values[..dim]);

        (float mass, float weighted) = kernels.ExponentialMoments(scores[..end], max);
        if (mass > 0)
        {
            Memory<float> tail = values.Slice(2 * dim, dim);
            ReadSums sumsRead = new(read, score, square, sums.Slice(dim, dim), sums.Slice(2 * dim, dim));
            TailModel.Close(moments, query, keyKey, valueKey, sumsRead, mass, max - centre + ((double)weighted / mass), tail.Span);
            state = state.Merge(new AttentionState(max, mass, tail), values[..dim]);
        }
        state.Normalise(output);
        scratch.Counters.CountSparse(read + visible - end, visible, mass / state.Sum);
    }

    private void Scan(HeadCache head, ReadOnlySpan<float> queries, int group, int visible, Span<float> scores, int stride)
    {
        for (int first = 0; first < visible; first += KeyValueCache.BlockTokens)
        {
            int count = Math.Min(KeyValueCache.BlockTokens, visible - first);
            kernels.Scores(queries, group, head.Keys(first / KeyValueCache.BlockTokens)[..(count * head.Dim)], head.Dim, scores[first..],
                stride);
        }
    }

    /// <summary>The state over the keys from <paramref name="from"/> on; their scores become weights.</summary>
    private AttentionState Window(HeadCache head, Span<float> scores, int from, float max, Memory<float> into)
    {
        float sum = kernels.Exponentials(scores[from..], max, scores[from..]);
        into.Span.Clear();
        for (int first = from; first < scores.Length;)
        {
            int block = first / KeyValueCache.BlockTokens, at = first % KeyValueCache.BlockTokens;
            int count = Math.Min(KeyValueCache.BlockTokens - at, scores.Length - first);
            kernels.AddValues(scores.Slice(first, count), count, 1, head.Values(block).Slice(at * head.Dim, count * head.Dim), head.Dim,
                into.Span);
            first += count;
        }
        return new AttentionState(max, sum, into);
    }

    private AttentionState All(HeadCache head, Span<float> scores, float max, Memory<float> into) => Window(head, scores, 0, max, into);

    /// <summary>sums[w, ·] += Σ weights[w, i] · value of token i, for three rows of weights.</summary>
    private void Gather(HeadCache head, ReadOnlySpan<int> tokens, ReadOnlySpan<float> weights, Span<float> sums)
    {
        for (int i = 0; i < tokens.Length;)
        {
            int block = tokens[i] / KeyValueCache.BlockTokens, origin = block * KeyValueCache.BlockTokens, count = 1;
            while (i + count < tokens.Length && tokens[i + count] < origin + KeyValueCache.BlockTokens) count++;
            kernels.AddValuesAt(weights[i..], tokens.Length, 3, head.Values(block), tokens.Slice(i, count), origin, head.Dim, sums);
            i += count;
        }
    }
}
