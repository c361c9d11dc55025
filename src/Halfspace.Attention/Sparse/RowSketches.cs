using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>Query rows made ready for a head's sketches, eight to a pass.</summary>
internal sealed class RowSketches(AttentionKernels kernels, SketchKernel sketches) : IDisposable
{
    private readonly Buffer<float> _work = new();
    private readonly CoarseTables _tables = new();
    private SketchQueries[] _queries = [];
    private float[] _units = [];
    private int _rows, _dim;

    /// <summary>Takes rows.</summary>
    /// <param name="queries">[rows, d], scaled by 1/√d.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="rotation">The index's.</param>
    /// <returns>False if a row is too large or small for a sketch's scores.</returns>
    public bool TryTake(ReadOnlySpan<float> queries, int rows, SketchRotation rotation)
    {
        _rows = rows;
        _dim = rotation.Dimension;
        Span<float> work = _work.Grown(2 * AttentionKernels.SketchKeys * rotation.Padded);
        for (int first = 0, p = 0; first < rows; first += SketchQueries.Max, p++)
        {
            if (p == _queries.Length) _queries = [.. _queries, new SketchQueries()];
            _queries[p].Clear(rotation.Padded);
            int take = Math.Min(SketchQueries.Max, rows - first);
            if (!_queries[p].TryAddRows(queries.Slice(first * _dim, take * _dim), take, rotation, kernels, work)) return false;
        }
        return true;
    }

    /// <summary>Scores all rows, less what the cluster's centre scores.</summary>
    /// <param name="blocks">Whole blocks of a cluster's sketches.</param>
    /// <param name="scores">Row r at r · <paramref name="stride"/>.</param>
    /// <param name="stride">From one row to the next.</param>
    public void Score(ReadOnlySpan<byte> blocks, Span<float> scores, int stride)
    {
        for (int first = 0, p = 0; first < _rows; first += SketchQueries.Max, p++)
            sketches.ScoreKeys(blocks, _queries[p], scores[(first * stride)..], stride);
    }

    /// <summary>What one of a row's coarse sums stands for, [rows], in units of a key's step.</summary>
    public ReadOnlySpan<float> Units => _units.AsSpan(0, _rows);

    /// <summary>Makes ready for <see cref="Sum"/>.</summary>
    /// <param name="wanted">[rows], what one of a sum is to stand for.</param>
    /// <param name="padded">D.</param>
    public void SetUnits(ReadOnlySpan<float> wanted, int padded)
    {
        if (_units.Length < _rows) _units = new float[Math.Max(_rows, 2 * _units.Length)];
        if (UsesTables) _tables.Begin(_rows, padded);
        for (int r = 0; r < _rows; r++)
            _units[r] = UsesTables ? _tables.Set(r, Of(r), r % SketchQueries.Max, wanted[r]) : wanted[r] > 0 ? wanted[r] : 1;
    }

    /// <summary>Writes coarse sums: a score is about step · unit · sum, less what the cluster's centre scores.</summary>
    /// <param name="blocks">Whole blocks of a cluster's sketches.</param>
    /// <param name="inverses">One over the step of each key, [n].</param>
    /// <param name="sums">Row r at r · <paramref name="stride"/>.</param>
    /// <param name="stride">From one row to the next.</param>
    public void Sum(ReadOnlySpan<byte> blocks, ReadOnlySpan<float> inverses, Span<sbyte> sums, int stride)
    {
        if (UsesTables)
        {
            _tables.Sum(blocks, sums, stride);
            return;
        }
        int keys = inverses.Length;
        Span<float> scores = _work.Grown(SketchQueries.Max * keys);
        for (int first = 0, p = 0; first < _rows; first += SketchQueries.Max, p++)
        {
            sketches.ScoreKeys(blocks, _queries[p], scores, keys);
            for (int r = first; r < Math.Min(first + SketchQueries.Max, _rows); r++)
                kernels.Quantise(scores.Slice((r - first) * keys, keys), inverses, 1 / _units[r], sums.Slice(r * stride, keys));
        }
    }

    /// <summary>The most that a score can be off, in nats.</summary>
    public double Error(int row, KeyCluster cluster) =>
        Of(row).ErrorBound(row % SketchQueries.Max, cluster.LargestResidual, cluster.LargestKey) + (1e-6 * Norm(row) * cluster.KeyCentreNorm);

    /// <summary>The deviation that scores are off by, about.</summary>
    public double Deviation(int row, KeyCluster cluster) => Norm(row) * Math.Sqrt(cluster.MeanSquareResidual / _dim);

    /// <summary>The most that float sums can be off in a score.</summary>
    public double Rounding(int row, KeyCluster cluster) => 1e-5 * Norm(row) * (cluster.LargestKey + cluster.KeyCentreNorm);

    public void Dispose() => _work.Dispose();

    /// <summary>Whether <see cref="Sum"/> looks sums up, and needs no inverses.</summary>
    public bool UsesTables => kernels.Tier == SimdTier.V512 && CoarseTables.IsSupported;

    private double Norm(int row) => Of(row).Norm(row % SketchQueries.Max);

    private SketchQueries Of(int row) => _queries[row / SketchQueries.Max];
}
