using System.Runtime.InteropServices;
using Halfspace.Attention;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>
/// Keys, values and queries of one layer of the embedded model's shape, and what attention to them should give. They are made of a
/// recorded KV head: the layer's three KV heads hold its keys, each stored separately, and their nine query heads are its three.
/// </summary>
internal sealed unsafe class LayerSet : IDisposable
{
    public const int QueryHeads = 9, KeyValueHeads = 3, Group = QueryHeads / KeyValueHeads, Dim = GoldenFiles.Dimension;

    // Of the root mean square of the recorded numbers.
    private const double Noise = 0.01;

    private readonly float[] _queries;      // [positions, query heads, d]
    private readonly double[]?[] _expected; // by position, [group, d]
    private float* _keys, _values;          // [KV heads, n, d]

    /// <param name="layer">The recorded layer.</param>
    /// <param name="keys">n: the last of the recorded keys, or all of them over and over with noise, the recorded ones at the end.</param>
    /// <param name="positions">Positions that decode, the last of the n.</param>
    /// <param name="check">The decoding positions, from 0, whose output is compared.</param>
    /// <param name="seed">Of the noise.</param>
    public LayerSet(GoldenLayer layer, int keys, int positions, IReadOnlySet<int> check, int seed)
    {
        Keys = keys;
        First = keys - positions;
        Half[] k = Tiled(layer.Keys, keys, 2 * seed), v = Tiled(layer.Values, keys, (2 * seed) + 1);
        _keys = Floats(k);
        _values = Floats(v);
        _queries = new float[positions * QueryHeads * Dim];
        for (int j = 0; j < positions; j++)
        {
            for (int head = 0; head < QueryHeads; head++)
            {
                int row = (head % Group * layer.Positions) + layer.Positions - positions + j;
                for (int c = 0; c < Dim; c++) _queries[(((j * QueryHeads) + head) * Dim) + c] = (float)layer.Queries[(row * Dim) + c];
            }
        }

        _expected = new double[]?[positions];
        Parallel.ForEach(check, j =>
        {
            double[] rows = new double[Group * Dim];
            int visible = (First + j + 1) * Dim;
            for (int g = 0; g < Group; g++)
                DenseOracle.Softmax(Queries(j).Slice(g * Dim, Dim), k.AsSpan(0, visible), v.AsSpan(0, visible), rows.AsSpan(g * Dim, Dim));
            _expected[j] = rows;
        });
    }

    ~LayerSet() => Free();

    /// <summary>n.</summary>
    public int Keys { get; }

    /// <summary>The first position that decodes; keys before it are the prompt's.</summary>
    public int First { get; }

    /// <summary>Keys as floats, [KV heads, n, d].</summary>
    public nint KeyPointer => (nint)_keys;

    /// <summary>Values as floats, [KV heads, n, d].</summary>
    public nint ValuePointer => (nint)_values;

    /// <summary>Bytes of the keys as floats, and of the values.</summary>
    public long FloatBytes => (long)KeyValueHeads * Keys * Dim * sizeof(float);

    /// <summary>Keys of a KV head from a position on, [count, d].</summary>
    public ReadOnlySpan<float> KeyRows(int head, int position, int count) => Rows(_keys, head, position, count);

    /// <summary>Values of a KV head from a position on, [count, d].</summary>
    public ReadOnlySpan<float> ValueRows(int head, int position, int count) => Rows(_values, head, position, count);

    /// <summary>Queries of a decoding position, [query heads, d], unscaled.</summary>
    public ReadOnlySpan<float> Queries(int j) => _queries.AsSpan(j * QueryHeads * Dim, QueryHeads * Dim);

    /// <summary>Adds ‖output − oracle‖ / ‖oracle‖ of each head to a list, if the position is compared.</summary>
    public void Compare(int j, ReadOnlySpan<float> output, List<double> errors)
    {
        if (_expected[j] is not { } expected) return;
        for (int head = 0; head < QueryHeads; head++)
        {
            double difference = 0, norm = 0;
            for (int c = 0; c < Dim; c++)
            {
                double e = expected[(head % Group * Dim) + c], d = output[(head * Dim) + c] - e;
                difference += d * d;
                norm += e * e;
            }

            errors.Add(Math.Sqrt(difference / norm));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static float* Floats(Half[] head)
    {
        float* all = (float*)NativeMemory.AlignedAlloc((nuint)KeyValueHeads * (nuint)head.Length * sizeof(float), 64);
        Parallel.For(0, KeyValueHeads, h =>
        {
            float* target = all + ((long)h * head.Length);
            for (int i = 0; i < head.Length; i++) target[i] = (float)head[i];
        });
        return all;
    }

    private static Half[] Tiled(Half[] recorded, int keys, int seed)
    {
        int length = keys * Dim;
        if (length <= recorded.Length) return recorded[^length..];
        double square = 0;
        foreach (Half number in recorded) square += (double)number * (double)number;
        double sigma = Noise * Math.Sqrt(square / recorded.Length);
        Half[] tiled = new Half[length];
        Parallel.For(0, (length + recorded.Length - 1) / recorded.Length, tile =>
        {
            // Tiles are counted from the end, so the first may be a part.
            Random random = new((seed << 12) + tile);
            int end = length - (tile * recorded.Length), start = Math.Max(0, end - recorded.Length);
            for (int i = start; i < end; i++)
            {
                Half number = recorded[i - end + recorded.Length];
                tiled[i] = tile == 0 ? number : (Half)((double)number + (sigma * Normal(random)));
            }
        });
        return tiled;
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private ReadOnlySpan<float> Rows(float* all, int head, int position, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Keys - position);
        return new ReadOnlySpan<float>(all + ((((long)head * Keys) + position) * Dim), count * Dim);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_keys);
        NativeMemory.AlignedFree(_values);
        _keys = _values = null;
    }
}
