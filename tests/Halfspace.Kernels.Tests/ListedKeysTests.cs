using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Halfspace.Kernels.Tests;

/// <summary>Keys and values by their addresses, here and there in memory and in any order.</summary>
public sealed class ListedKeysTests
{
    private static readonly int[] Counts = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 50];

    public static TheoryData<SimdTier> All => Tiers.All;

    [Theory, MemberData(nameof(All))]
    public void Scores_of_listed_integer_keys_are_exact(SimdTier tier)
    {
        foreach (int dim in Tiers.Dims)
        {
            for (int rows = 0; rows <= 9; rows++)
            {
                int count = Counts[(rows + dim) % Counts.Length], stride = count + 3;
                Memory memory = new(dim, count);
                float[] queries = Data.Integers(rows * dim, seed: rows), scores = new float[rows * stride];
                AttentionKernels.For(tier).ScoresAt(queries, rows, memory.Addresses, dim, scores, stride);
                for (int r = 0; r < rows; r++)
                {
                    for (int i = 0; i < stride; i++)
                    {
                        float expected = 0;
                        for (int c = 0; c < dim && i < count; c++) expected += queries[(r * dim) + c] * memory.Key(i, c);
                        Assert.Equal(expected, scores[(r * stride) + i]);
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Listed_rows_are_widened(SimdTier tier)
    {
        foreach (int dim in Tiers.Dims)
        {
            foreach (int count in Counts)
            {
                Memory memory = new(dim, count);
                int stride = dim + 3;
                float[] keys = [.. Enumerable.Repeat(7f, count * stride)], values = [.. keys];
                AttentionKernels.For(tier).WidenAt(memory.Addresses, 0, dim, keys, stride);
                AttentionKernels.For(tier).WidenAt(memory.Addresses, memory.ValueOffset, dim, values, stride);
                for (int i = 0; i < count; i++)
                {
                    for (int c = 0; c < stride; c++)
                    {
                        Assert.Equal(c < dim ? memory.Key(i, c) : 7, keys[(i * stride) + c]);
                        Assert.Equal(c < dim ? memory.Value(i, c) : 7, values[(i * stride) + c]);
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Sums_of_listed_integer_values_are_exact_and_added(SimdTier tier)
    {
        foreach (int dim in Tiers.Dims)
        {
            for (int rows = 0; rows <= 9; rows++)
            {
                int count = Counts[(rows + dim) % Counts.Length], stride = count + 2;
                Memory memory = new(dim, count);
                float[] weights = Data.Integers(rows * stride, seed: rows), sums = Data.Integers(rows * dim, seed: 5), expected = [.. sums];
                for (int r = 0; r < rows; r++)
                    for (int i = 0; i < count; i++)
                        for (int c = 0; c < dim; c++) expected[(r * dim) + c] += weights[(r * stride) + i] * memory.Value(i, c);
                AttentionKernels.Ask(memory.Addresses, memory.ValueOffset, dim);
                AttentionKernels.For(tier).AddValuesAt(weights, stride, rows, memory.Addresses, memory.ValueOffset, dim, sums);
                Assert.Equal(expected, sums);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Listed_keys_score_as_they_do_in_a_row(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (int dim in Tiers.Dims)
        {
            for (int rows = 1; rows <= 9; rows += 2)
            {
                Half[] keys = GC.AllocateArray<Half>(50 * dim, pinned: true);
                Data.Halves(Data.Floats(50 * dim, seed: dim, scale: 3)).CopyTo(keys.AsSpan());
                float[] queries = Data.Floats(rows * dim, seed: rows), row = new float[rows * 50], listed = new float[rows * 50];
                nint[] addresses = [.. Enumerable.Range(0, 50).Select(i => Address(keys, i * dim))];
                kernels.Scores(queries, rows, keys, dim, row, 50);
                kernels.ScoresAt(queries, rows, addresses, dim, listed, 50);
                Assert.Equal(row, listed);
            }
        }
    }

    private static unsafe nint Address(Half[] pinned, int index) =>
        (nint)Unsafe.AsPointer(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(pinned), index));

    /// <summary>Some keys of many, in no order, and their values.</summary>
    private sealed class Memory
    {
        private const int Held = 97;
        private readonly Half[] _all;
        private readonly int[] _list;
        private readonly int _dim;

        public Memory(int dim, int count)
        {
            _dim = dim;
            _all = GC.AllocateArray<Half>(2 * Held * dim, pinned: true);
            Data.Halves(Data.Integers(_all.Length, seed: dim)).CopyTo(_all.AsSpan());
            _list = [.. Enumerable.Range(0, count).Select(i => ((i * 31) + 7) % Held)];
            Addresses = [.. _list.Select(i => Address(_all, i * dim))];
        }

        public nint[] Addresses { get; }

        public nint ValueOffset => Held * _dim * sizeof(short);

        public float Key(int i, int c) => (float)_all[(_list[i] * _dim) + c];

        public float Value(int i, int c) => (float)_all[((Held + _list[i]) * _dim) + c];
    }
}
