using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Which cluster a token belongs to: the one whose centre is nearest to its key and value, each measured in its own mean square.</summary>
/// <remarks>k-means on a sample: centres drawn as k-means++ does, with a fixed seed, and a few of Lloyd's rounds.</remarks>
internal sealed class ClusterFit
{
    private const int Sample = 512, Rounds = 6;

    private readonly int _dim, _stride, _columns;
    private readonly float[] _toKeys, _toValues, _offsets;

    /// <param name="dim">d.</param>
    /// <param name="clusters">How many there may be.</param>
    /// <param name="kernels">The tier.</param>
    public ClusterFit(int dim, int clusters, AttentionKernels kernels)
    {
        _dim = dim;
        _stride = (dim + 15) / 16 * 16;
        _columns = (clusters + kernels.Width - 1) / kernels.Width * kernels.Width;
        Clusters = clusters;
        _toKeys = new float[dim * _columns];
        _toValues = new float[dim * _columns];
        _offsets = new float[clusters];
    }

    public int Clusters { get; }

    /// <summary>What squared distances of keys are multiplied by.</summary>
    public float KeyScale { get; private set; }

    /// <summary>What squared distances of values are multiplied by.</summary>
    public float ValueScale { get; private set; }

    /// <summary>Fits centres to a head's first tokens, and writes them.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="tokens">How many tokens.</param>
    /// <param name="clusters">As many as <see cref="Clusters"/>; their centres are written.</param>
    /// <param name="kernels">The tier.</param>
    public void Fit(HeadCache head, int tokens, ReadOnlySpan<KeyCluster> clusters, AttentionKernels kernels)
    {
        int count = Math.Min(Sample, tokens);
        float[] keys = new float[count * _stride], values = new float[count * _stride];
        for (int i = 0; i < count; i++)
        {
            int position = (int)((long)i * tokens / count);
            kernels.Widen(head.Key(position), _dim, [], keys.AsSpan(i * _stride), _stride);
            kernels.Widen(head.Value(position), _dim, [], values.AsSpan(i * _stride), _stride);
        }
        (KeyScale, ValueScale) = (Scale(keys), Scale(values));
        Seed(keys, values, count, clusters);
        int[] owner = new int[count];
        for (int round = 0; round < Rounds; round++)
        {
            Prepare(clusters);
            Assign(keys, values, count, owner, kernels, new float[count * _columns]);
            Average(keys, values, count, owner, clusters);
            if (Clusters == 1) break;
        }
        Prepare(clusters);
    }

    /// <summary>Takes over what was fitted before: the clusters' centres and the scales.</summary>
    public void Restore(ReadOnlySpan<KeyCluster> clusters, float keyScale, float valueScale)
    {
        (KeyScale, ValueScale) = (keyScale, valueScale);
        Prepare(clusters);
    }

    /// <summary>Finds the cluster of each row.</summary>
    /// <param name="keys">[n, stride].</param>
    /// <param name="values">[n, stride].</param>
    /// <param name="count">n.</param>
    /// <param name="owner">[n], written.</param>
    /// <param name="kernels">The tier.</param>
    /// <param name="work">n · <see cref="WorkColumns"/> floats.</param>
    public void Assign(ReadOnlySpan<float> keys, ReadOnlySpan<float> values, int count, Span<int> owner, AttentionKernels kernels, Span<float> work)
    {
        if (Clusters == 1)
        {
            owner[..count].Clear();
            return;
        }
        kernels.Product(keys, _stride, 1, _toKeys, _columns, work, _columns, count, _dim, _columns, add: false);
        kernels.Product(values, _stride, 1, _toValues, _columns, work, _columns, count, _dim, _columns, add: true);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<float> near = work.Slice(i * _columns, Clusters);
            int best = 0;
            for (int c = 1; c < near.Length; c++)
                if (near[c] - _offsets[c] > near[best] - _offsets[best]) best = c;
            owner[i] = best;
        }
    }

    /// <summary>Floats a row that <see cref="Assign"/> works in.</summary>
    public int WorkColumns => _columns;

    // One over the mean square of a row about the mean; 0 where nothing varies.
    private float Scale(float[] rows)
    {
        int count = rows.Length / _stride;
        double square = 0;
        for (int c = 0; c < _dim; c++)
        {
            double sum = 0, squares = 0;
            for (int i = 0; i < count; i++)
            {
                double x = rows[(i * _stride) + c];
                sum += x;
                squares += x * x;
            }
            square += squares - (sum * sum / count);
        }
        return square > 1e-20 ? (float)(count / square) : 0;
    }

    // k-means++: each further centre is drawn with a chance that grows with the squared distance to the nearest one.
    private void Seed(float[] keys, float[] values, int count, ReadOnlySpan<KeyCluster> clusters)
    {
        Random random = new(1);
        double[] distances = new double[count];
        Array.Fill(distances, double.MaxValue);
        int at = random.Next(count);
        for (int c = 0; c < Clusters; c++)
        {
            keys.AsSpan(at * _stride, _dim).CopyTo(clusters[c].KeyCentre);
            values.AsSpan(at * _stride, _dim).CopyTo(clusters[c].ValueCentre);
            double all = 0;
            for (int i = 0; i < count; i++)
            {
                double distance = (KeyScale * Distance(keys, i, at)) + (ValueScale * Distance(values, i, at));
                distances[i] = Math.Min(distances[i], distance);
                all += distances[i];
            }
            double drawn = random.NextDouble() * all;
            for (at = 0; at < count - 1 && drawn >= distances[at]; at++) drawn -= distances[at];
        }
    }

    private double Distance(float[] rows, int a, int b)
    {
        ReadOnlySpan<float> x = rows.AsSpan(a * _stride, _dim), y = rows.AsSpan(b * _stride, _dim);
        float sum = 0;
        for (int c = 0; c < x.Length; c++) sum += (x[c] - y[c]) * (x[c] - y[c]);
        return sum;
    }

    // ‖x − c‖² is least where ⟨x,c⟩ − ‖c‖²/2 is largest.
    private void Prepare(ReadOnlySpan<KeyCluster> clusters)
    {
        for (int c = 0; c < Clusters; c++)
        {
            ReadOnlySpan<float> key = clusters[c].KeyCentre, value = clusters[c].ValueCentre;
            double half = 0;
            for (int i = 0; i < _dim; i++)
            {
                _toKeys[(i * _columns) + c] = key[i] * KeyScale;
                _toValues[(i * _columns) + c] = value[i] * ValueScale;
                half += ((double)key[i] * key[i] * KeyScale) + ((double)value[i] * value[i] * ValueScale);
            }
            _offsets[c] = (float)(half / 2);
        }
    }

    private void Average(float[] keys, float[] values, int count, int[] owner, ReadOnlySpan<KeyCluster> clusters)
    {
        Span<double> sums = new double[2 * _dim];
        for (int c = 0; c < Clusters; c++)
        {
            sums.Clear();
            int members = 0;
            for (int i = 0; i < count; i++)
            {
                if (owner[i] != c) continue;
                members++;
                for (int j = 0; j < _dim; j++)
                {
                    sums[j] += keys[(i * _stride) + j];
                    sums[_dim + j] += values[(i * _stride) + j];
                }
            }
            // A cluster that lost all keeps its centre.
            if (members == 0) continue;
            for (int j = 0; j < _dim; j++)
            {
                clusters[c].KeyCentre[j] = (float)(sums[j] / members);
                clusters[c].ValueCentre[j] = (float)(sums[_dim + j] / members);
            }
        }
    }
}
