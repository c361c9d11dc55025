using System.Collections.Concurrent;
using System.Numerics.Tensors;
using Halfspace.Attention;
using Halfspace.Runtime;

namespace Halfspace.Cli.Perplexity;

/// <summary>
/// Reads a text and scores each next token. Logits are held for a few rows at a time: a row has a number for every token of the vocabulary.
/// </summary>
/// <remarks>
/// Dense and sparse attention leave different keys and values behind, so comparing them takes two passes over the last tokens. Between
/// them the sparse pass' log-probabilities are kept in float16, 2 bytes for each token of the vocabulary and row: 50 MB for 512 rows of
/// 49,152, where a second context for a pass in step would take 190 MB at 8,192 tokens. KL is linear in them and rounding has
/// hardly a bias, so the mean is off by about 1e-5; the NLL and the likeliest token come from the logits themselves.
/// </remarks>
internal sealed class TeacherForcing(ModelContext context, int[] tokens, CancellationToken cancellation)
{
    /// <summary>Rows whose logits are held at once.</summary>
    private const int ChunkRows = HeadCache.PromptStep;

    private readonly ConcurrentBag<LogProbabilities> _buffers = [];

    /// <summary>Scores every token but the first, with dense attention.</summary>
    public PerplexityReport Dense(IProgress<int> progress)
    {
        int rows = tokens.Length - 1;
        double[] nll = new double[rows];
        Pass(context, 0, rows, ChunkRows, decoding: false, progress, 0, (row, logits) => nll[row] = -logits.LogProbability(tokens[row + 1]));
        double mean = Mean(nll);
        return new PerplexityReport { Tokens = tokens.Length, Scored = rows, Nll = mean, Perplexity = Math.Exp(mean) };
    }

    /// <summary>Reads all but the last tokens with dense attention; scores the last ones with sparse attention, then with dense.</summary>
    public PerplexityReport Compare(int last, IProgress<int> progress)
    {
        int first = tokens.Length - 1 - last;
        context.Read(tokens.AsSpan(0, first), progress, cancellation);

        Half[][] sparse = new Half[last][];
        double[] sparseNll = new double[last], nll = new double[last], kl = new double[last];
        int[] sparseTop = new int[last];
        bool[] agree = new bool[last];
        context.ResetCounters();
        // An index takes tokens in between two runs: decoding is measured as it happens, a token at a time. So is dense attention beside it,
        // since products of one row round otherwise than those of many.
        Pass(context, first, last, 1, decoding: true, progress, first, (row, logits) =>
        {
            sparseNll[row] = -logits.LogProbability(tokens[first + row + 1]);
            sparseTop[row] = logits.Top;
            sparse[row] = logits.ToHalf();
        });
        double keys = context.Counters.KeysPerHead;

        context.Rewind(first);
        Pass(context, first, last, 1, decoding: false, progress, first + last, (row, logits) =>
        {
            nll[row] = -logits.LogProbability(tokens[first + row + 1]);
            kl[row] = logits.Divergence(sparse[row]);
            agree[row] = logits.Top == sparseTop[row];
        });
        return Report(last, last, sparseNll, nll, kl, agree, keys);
    }

    /// <summary>Scores every token but the first as a prompt's, in this context and in one that attends densely; of the last ones the distributions are
    /// compared.</summary>
    public PerplexityReport ComparePrompts(ModelContext dense, int last, IProgress<int> progress)
    {
        int rows = tokens.Length - 1, first = rows - last;
        Half[][] sparse = new Half[last][];
        double[] sparseNll = new double[rows], nll = new double[rows], kl = new double[last];
        int[] sparseTop = new int[last];
        bool[] agree = new bool[last];
        context.ResetCounters();
        Pass(context, 0, rows, ChunkRows, decoding: false, progress, 0, (row, logits) =>
        {
            sparseNll[row] = -logits.LogProbability(tokens[row + 1]);
            if (row < first) return;
            sparseTop[row - first] = logits.Top;
            sparse[row - first] = logits.ToHalf();
        });
        Pass(dense, 0, rows, ChunkRows, decoding: false, progress, rows, (row, logits) =>
        {
            nll[row] = -logits.LogProbability(tokens[row + 1]);
            if (row < first) return;
            kl[row - first] = logits.Divergence(sparse[row - first]);
            agree[row - first] = logits.Top == sparseTop[row - first];
        });
        return Report(rows, last, sparseNll, nll, kl, agree, context.PromptCounters.KeysPerHead);
    }

    /// <summary>Reads tokens from a position and hands the log-probabilities after each to <paramref name="score"/>, in parallel, <paramref name="chunk"/>
    /// tokens a run.</summary>
    private void Pass(
        ModelContext context, int first, int rows, int chunk, bool decoding, IProgress<int> progress, int done, Action<int, LogProbabilities> score)
    {
        for (int start = 0; start < rows; start += chunk)
        {
            int count = Math.Min(chunk, rows - start), from = start;
            context.ReadScored(tokens.AsSpan(first + start, count), decoding, cancellation);
            Parallel.For(0, count, row =>
            {
                if (!_buffers.TryTake(out LogProbabilities? buffer)) buffer = new LogProbabilities();
                buffer.Set(context.LogitsOf(row));
                score(from + row, buffer);
                _buffers.Add(buffer);
            });
            progress.Report(done + start + count);
        }
    }

    private PerplexityReport Report(int scored, int compared, double[] sparse, double[] dense, double[] kl, bool[] agree, double keys)
    {
        double mean = Mean(sparse);
        return new PerplexityReport
        {
            Tokens = tokens.Length,
            Scored = scored,
            Nll = mean,
            Perplexity = Math.Exp(mean),
            NllDense = Mean(dense),
            Kl = Mean(kl),
            Top1Agreement = (double)agree.Count(same => same) / compared,
            KeysPerHead = keys,
        };
    }

    private static double Mean(double[] values) => TensorPrimitives.Sum<double>(values) / values.Length;
}
