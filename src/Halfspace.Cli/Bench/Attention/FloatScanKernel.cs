using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>
/// Exact attention over float keys and values as one writes it with SIMD: each thread takes a part of the keys, block by block with an
/// online softmax, a block's key serving its group's three queries; the parts are merged.
/// </summary>
internal sealed class FloatScanKernel : LayerKernel
{
    private const int Block = 64, Group = LayerSet.Group, Dim = LayerSet.Dim;

    private readonly WorkerPool _pool;
    private readonly Part[] _parts;
    private readonly Action<int, int> _work;
    private readonly float[] _queries = new float[LayerSet.QueryHeads * Dim];
    private int _set, _visible;

    public FloatScanKernel(IReadOnlyList<LayerSet> sets, WorkerPool pool)
        : base("scan-float", sets)
    {
        _pool = pool;
        _parts = [.. Enumerable.Range(0, pool.Threads).Select(_ => new Part())];
        _work = Scan;
    }

    public override void Open() => _pool.Open();

    public override void Close() => _pool.Close();

    public override void Decode(int set, int j)
    {
        // The position's keys and values are in their place.
        (_set, _visible) = (set, Sets[set].First + j + 1);
        TensorPrimitives.Multiply(Sets[set].Queries(j), 1 / MathF.Sqrt(Dim), _queries);
        _pool.Run(_parts.Length, _work);
        for (int head = 0; head < LayerSet.QueryHeads; head++)
        {
            float max = float.NegativeInfinity, sum = 0;
            foreach (Part part in _parts) max = MathF.Max(max, part.Max[head]);
            Span<float> output = Output.AsSpan(head * Dim, Dim);
            output.Clear();
            foreach (Part part in _parts)
            {
                float scale = MathF.Exp(part.Max[head] - max);
                sum += scale * part.Sum[head];
                TensorPrimitives.MultiplyAdd(part.Values.AsSpan(head * Dim, Dim), scale, output, output);
            }

            TensorPrimitives.Divide(output, sum, output);
        }
    }

    public override double Bytes(double visible) => LayerSet.KeyValueHeads * visible * 2 * Dim * sizeof(float);

    public override void Dispose()
    {
    }

    private void Scan(int index, int worker)
    {
        Part part = _parts[index];
        int first = (int)((long)_visible * index / _parts.Length), end = (int)((long)_visible * (index + 1) / _parts.Length);
        part.Max.AsSpan().Fill(float.NegativeInfinity);
        part.Sum.AsSpan().Clear();
        part.Values.AsSpan().Clear();
        for (int head = 0; head < LayerSet.KeyValueHeads; head++)
        {
            ReadOnlySpan<float> queries = _queries.AsSpan(head * Group * Dim, Group * Dim);
            Span<float> sums = part.Values.AsSpan(head * Group * Dim, Group * Dim);
            for (int at = first; at < end; at += Block)
            {
                int count = Math.Min(Block, end - at);
                Scores(queries, Sets[_set].KeyRows(head, at, count), part.Scores);
                for (int g = 0; g < Group; g++)
                {
                    int row = (head * Group) + g;
                    Softmax(part.Scores.AsSpan(g * Block, count), ref part.Max[row], ref part.Sum[row], sums.Slice(g * Dim, Dim));
                }


                AddValues(part.Scores, Sets[_set].ValueRows(head, at, count), sums);
            }
        }
    }

    /// <summary>Scores become weights under the new maximum; what was summed under the old one is scaled to it.</summary>
    private static void Softmax(Span<float> scores, ref float max, ref float sum, Span<float> values)
    {
        float old = max;
        max = MathF.Max(old, TensorPrimitives.Max(scores));
        if (max > old && sum > 0)
        {
            float scale = MathF.Exp(old - max);
            sum *= scale;
            TensorPrimitives.Multiply(values, scale, values);
        }

        TensorPrimitives.Subtract(scores, max, scores);
        TensorPrimitives.Exp(scores, scores);
        sum += TensorPrimitives.Sum(scores);
    }

    private static void Scores(ReadOnlySpan<float> queries, ReadOnlySpan<float> keys, Span<float> scores)
    {
        int width = Vector<float>.Count;
        ref float q = ref MemoryMarshal.GetReference(queries), k = ref MemoryMarshal.GetReference(keys);
        for (int i = 0; i < keys.Length / Dim; i++)
        {
            Vector<float> a = Vector<float>.Zero, b = Vector<float>.Zero, c = Vector<float>.Zero;
            for (int d = 0; d < Dim; d += width)
            {
                Vector<float> key = Vector.LoadUnsafe(ref k, (nuint)((i * Dim) + d));
                a = Vector.FusedMultiplyAdd(key, Vector.LoadUnsafe(ref q, (nuint)d), a);
                b = Vector.FusedMultiplyAdd(key, Vector.LoadUnsafe(ref q, (nuint)(Dim + d)), b);
                c = Vector.FusedMultiplyAdd(key, Vector.LoadUnsafe(ref q, (nuint)((2 * Dim) + d)), c);
            }

            scores[i] = Vector.Sum(a);
            scores[Block + i] = Vector.Sum(b);
            scores[(2 * Block) + i] = Vector.Sum(c);
        }
    }

    private static void AddValues(ReadOnlySpan<float> weights, ReadOnlySpan<float> values, Span<float> sums)
    {
        int width = Vector<float>.Count, count = values.Length / Dim;
        ref float v = ref MemoryMarshal.GetReference(values), o = ref MemoryMarshal.GetReference(sums);
        // Two registers of columns for each of three rows of weights at a time.
        for (nuint d = 0; d < Dim; d += (nuint)(2 * width))
        {
            nuint e = d + (nuint)width;
            Vector<float> a0 = Vector.LoadUnsafe(ref o, d), a1 = Vector.LoadUnsafe(ref o, e);
            Vector<float> b0 = Vector.LoadUnsafe(ref o, Dim + d), b1 = Vector.LoadUnsafe(ref o, Dim + e);
            Vector<float> c0 = Vector.LoadUnsafe(ref o, (2 * Dim) + d), c1 = Vector.LoadUnsafe(ref o, (2 * Dim) + e);
            for (int i = 0; i < count; i++)
            {
                nuint row = (nuint)(i * Dim);
                Vector<float> v0 = Vector.LoadUnsafe(ref v, row + d), v1 = Vector.LoadUnsafe(ref v, row + e);
                Vector<float> a = new(weights[i]), b = new(weights[Block + i]), c = new(weights[(2 * Block) + i]);
                a0 = Vector.FusedMultiplyAdd(v0, a, a0);
                a1 = Vector.FusedMultiplyAdd(v1, a, a1);
                b0 = Vector.FusedMultiplyAdd(v0, b, b0);
                b1 = Vector.FusedMultiplyAdd(v1, b, b1);
                c0 = Vector.FusedMultiplyAdd(v0, c, c0);
                c1 = Vector.FusedMultiplyAdd(v1, c, c1);
            }

            a0.StoreUnsafe(ref o, d);
            a1.StoreUnsafe(ref o, e);
            b0.StoreUnsafe(ref o, Dim + d);
            b1.StoreUnsafe(ref o, Dim + e);
            c0.StoreUnsafe(ref o, (2 * Dim) + d);
            c1.StoreUnsafe(ref o, (2 * Dim) + e);
        }
    }

    /// <summary>What a thread sums over its part of the keys, by query head.</summary>
    private sealed class Part
    {
        public float[] Max { get; } = new float[LayerSet.QueryHeads];

        public float[] Sum { get; } = new float[LayerSet.QueryHeads];

        public float[] Values { get; } = new float[LayerSet.QueryHeads * Dim];

        public float[] Scores { get; } = new float[Group * Block];
    }
}
