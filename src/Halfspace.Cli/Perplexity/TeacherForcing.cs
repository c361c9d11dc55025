using System.Collections.Concurrent;
using System.Numerics.Tensors;
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
    private const int ChunkRows = 64;

    private readonly ConcurrentBag<LogProbabilities> _buffers = [];

    /// <summary>Scores every token but the first, with dense attention.</summary>
    public PerplexityReport Dense(IProgress<int> progress)
    {
        int rows = tokens.Length - 1;
        double[] nll = new double[rows];
        Pass(0, rows, ChunkRows, decoding: false, progress, 0, (row, logits) => nll[row] = -logits.LogProbability(tokens[row + 1]));
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
        Pass(first, last, 1, decoding: true, progress, first, (row, logits) =>
        {
            sparseNll[row] = -logits.LogProbability(tokens[first + row + 1]);
            sparseTop[row] = logits.Top;
            sparse[row] = logits.ToHalf();
        });
        double keys = context.Counters.KeysPerHead;

        context.Rewind(first);
        Pass(first, last, 1, decoding: false, progress, first + last, (row, logits) =>
        {
            nll[row] = -logits.LogProbability(tokens[first + row + 1]);
            kl[row] = logits.Divergence(sparse[row]);
            agree[row] = logits.Top == sparseTop[row];
        });
        double mean = Mean(sparseNll);
        return new PerplexityReport
        {
            Tokens = tokens.Length,
            Scored = last,
            Nll = mean,
            Perplexity = Math.Exp(mean),
            NllDense = Mean(nll),
            Kl = Mean(kl),
            Top1Agreement = (double)agree.Count(same => same) / last,
            KeysPerHead = keys,
        };
    }

    /// <summary>Reads tokens from a position and hands the log-probabilities after each to <paramref name="score"/>, in parallel, <paramref name="chunk"/>
    /// tokens a run.</summary>
    private void Pass(
        int first, int rows, int chunk, bool decoding, IProgress<int> progress, int done, Action<int, LogProbabilities> score)
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

    private static double Mean(double[] values) => TensorPrimitives.Sum<double>(values) / values.Length;
}
