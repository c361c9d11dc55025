using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>What a position's rows attend to exactly, in parts that any threads may take: each part is a state for each row, Σe^(s−m)·v about a maximum m, and
/// sums of the step's own. The recent window counts as one more part.</summary>
internal sealed class ExactParts(AttentionKernels kernels) : IDisposable
{
    private readonly Buffer<float> _sums = new();
    private float[] _max = [], _sum = [];
    private HeadCache? _head;
    private int _group, _visible, _parts, _extra;

    private int Dim => _head!.Dim;

    private int Length => (_group * Dim) + _extra;

    /// <summary>Takes a position.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="group">Query heads.</param>
    /// <param name="visible">Keys seen.</param>
    /// <param name="parts">Parts, without the window.</param>
    /// <param name="extra">Numbers of the step's own sums in a part.</param>
    public void Begin(HeadCache head, int group, int visible, int parts, int extra)
    {
        (_head, _group, _visible, _parts, _extra) = (head, group, visible, parts, extra);
        if (_max.Length < (parts + 1) * group) (_max, _sum) = (new float[(parts + 1) * group], new float[(parts + 1) * group]);
        _sums.Grown((long)(parts + 1) * Length);
    }

    /// <summary>Σe^(s−m)·v of a part's rows, [group, d].</summary>
    public Span<float> Values(int part) => _sums.All.Slice(part * Length, _group * Dim);

    /// <summary>The step's own sums of a part.</summary>
    public Span<float> Extra(int part) => _sums.All.Slice((part * Length) + (_group * Dim), _extra);

    /// <summary>m of a row, once merged.</summary>
    public float Max(int row) => _max[row];

    /// <summary>Σe^(s−m) of a row, once merged.</summary>
    public float Sum(int row) => _sum[row];

    /// <summary>Makes a part empty.</summary>
    public void Clear(int part)
    {
        _sums.All.Slice(part * Length, Length).Clear();
        for (int r = 0; r < _group; r++) (_max[(part * _group) + r], _sum[(part * _group) + r]) = (float.NegativeInfinity, 0);
    }

    /// <summary>Makes a row's scores of a part into weights.</summary>
    public void Weigh(int part, int row, Span<float> scores)
    {
        float max = kernels.Max(scores);
        _max[(part * _group) + row] = max;
        _sum[(part * _group) + row] = kernels.Exponentials(scores, max, scores);
    }

    /// <summary>Scores the window.</summary>
    /// <param name="queries">[rows, d], scaled.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="scores">Row r at r · <paramref name="stride"/>.</param>
    /// <param name="stride">From one row to the next.</param>
    public void ScoreWindow(ReadOnlySpan<float> queries, int rows, Span<float> scores, int stride)
    {
        int start = _head!.Index!.Tokens;
        for (int first = start; first < _visible;)
        {
            (int block, int at, int count) = Together(first);
            kernels.Scores(queries, rows, _head.Keys(block).Slice(at * Dim, count * Dim), Dim, scores[(first - start)..], stride);
            first += count;
        }
    }

    /// <summary>Attends to the window.</summary>
    /// <param name="queries">[group, d], scaled.</param>
    /// <param name="scratch">Buffers.</param>
    public void AttendWindow(ReadOnlySpan<float> queries, AttentionScratch scratch)
    {
        int start = _head!.Index!.Tokens, count = _visible - start;
        Span<float> weights = scratch.Floats((long)_group * count), values = Values(_parts);
        values.Clear();
        ScoreWindow(queries, _group, weights, count);
        for (int r = 0; r < _group; r++) Weigh(_parts, r, weights.Slice(r * count, count));
        for (int first = start; first < _visible;)
        {
            (int block, int at, int take) = Together(first);
            kernels.AddValues(weights[(first - start)..], count, _group, _head.Values(block).Slice(at * Dim, take * Dim), Dim, values);
            first += take;
        }
    }

    /// <summary>Merges all parts into the first.</summary>
    public void Merge()
    {
        for (int part = 1; part <= _parts; part++)
        {
            for (int r = 0; r < _group; r++) Merge(part, r);
            if (part == _parts) break;
            Span<float> into = Extra(0), from = Extra(part);
            for (int i = 0; i < into.Length; i++) into[i] += from[i];
        }
    }

    public void Dispose() => _sums.Dispose();

    private void Merge(int part, int row)
    {
        int other = (part * _group) + row;
        if (_sum[other] == 0) return;
        Span<float> x = Values(0).Slice(row * Dim, Dim), y = Values(part).Slice(row * Dim, Dim);
        float max = MathF.Max(_max[row], _max[other]), p = _sum[row] == 0 ? 0 : MathF.Exp(_max[row] - max), q = MathF.Exp(_max[other] - max);
        for (int i = 0; i < x.Length; i++) x[i] = (p * x[i]) + (q * y[i]);
        _sum[row] = (p * _sum[row]) + (q * _sum[other]);
        _max[row] = max;
    }

    // Keys of the window that lie together from one on: their block, where in it, and how many.
    private (int Block, int At, int Count) Together(int first)
    {
        int at = first % KeyValueCache.BlockTokens;
        return (first / KeyValueCache.BlockTokens, at, Math.Min(KeyValueCache.BlockTokens - at, _visible - first));
    }
}
