using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

/// <summary>Seeded keys and values of one KV head, and query rows at every position, [tokens, group, d].</summary>
internal sealed record Case(string Name, int Dim, int Group, int Tokens, Half[] Keys, Half[] Values, float[] Queries)
{
    public static TheoryData<SimdTier> Tiers => [.. Simd.Available];

    /// <summary>Scores spread by a few nats, as a model's do, with values that follow the scores in part.</summary>
    public static Case Random(int dim, int group, int tokens, int seed, float scale = 2)
    {
        Random random = new(seed);
        float[] direction = Floats(random, dim, 1);
        Half[] keys = new Half[tokens * dim], values = new Half[tokens * dim];
        for (int i = 0; i < tokens; i++)
        {
            float along = (2 * random.NextSingle()) - 1;
            for (int c = 0; c < dim; c++)
            {
                keys[(i * dim) + c] = (Half)((scale * ((2 * random.NextSingle()) - 1)) + (along * direction[c]));
                values[(i * dim) + c] = (Half)((2 * random.NextSingle()) - 1 + (along * direction[dim - 1 - c]));
            }
        }
        return new Case($"random {dim} {group} {tokens} {seed}", dim, group, tokens, keys, values, Floats(random, tokens * group * dim, 3));
    }

    /// <summary>Keys near a few centres, with values that go with them, as a model's heads have: what local tails are for.</summary>
    public static Case Clustered(int dim, int group, int tokens, int seed, int centres = 6)
    {
        Random random = new(seed);
        float[] keyCentres = Floats(random, centres * dim, 2), valueCentres = Floats(random, centres * dim, 2);
        Half[] keys = new Half[tokens * dim], values = new Half[tokens * dim];
        for (int i = 0; i < tokens; i++)
        {
            int centre = random.Next(centres);
            for (int c = 0; c < dim; c++)
            {
                keys[(i * dim) + c] = (Half)(keyCentres[(centre * dim) + c] + (2 * random.NextSingle()) - 1);
                values[(i * dim) + c] = (Half)(valueCentres[(centre * dim) + c] + (0.4f * random.NextSingle()) - 0.2f);
            }
        }
        return new Case($"clustered {dim} {group} {tokens} {seed}", dim, group, tokens, keys, values, Floats(random, tokens * group * dim, 4));
    }

    /// <summary>Integers: scores are exact and many are equal.</summary>
    public static Case Integers(int dim, int group, int tokens, int seed)
    {
        Random random = new(seed);
        Half[] keys = new Half[tokens * dim], values = new Half[tokens * dim];
        for (int i = 0; i < keys.Length; i++)
        {
            keys[i] = (Half)random.Next(-1, 2);
            values[i] = (Half)random.Next(-4, 5);
        }
        float[] queries = new float[tokens * group * dim];
        // Divided by √d = 8 or 4 they stay exact.
        for (int i = 0; i < queries.Length; i++) queries[i] = random.Next(-2, 3);
        return new Case($"integers {dim} {group} {tokens}", dim, group, tokens, keys, values, queries);
    }

    /// <summary>What breaks formulas: no variance, zeros of both signs, subnormals, the largest numbers, a step between two values, one key
    /// above all.</summary>
    public static IEnumerable<Case> Adversarial(int tokens)
    {
        const int Dim = 64, Group = 3;
        Case plain = Random(Dim, Group, tokens, seed: 99);
        Case Changed(string name, Func<int, int, Half> key, Func<int, int, Half> value, float query = 1) => plain with
        {
            Name = name,
            Keys = Table(tokens, Dim, key),
            Values = Table(tokens, Dim, value),
            Queries = Array.ConvertAll(plain.Queries, q => q * query),
        };
        Half Value(int i, int c) => plain.Values[(i * Dim) + c];
        yield return Changed("equal keys", (_, c) => (Half)(c * 0.1f), Value);
        yield return Changed("equal keys and values", (_, c) => (Half)(c * 0.1f), (_, c) => (Half)c);
        yield return Changed("zeros of both signs", (i, c) => (Half)((i + c) % 2 == 0 ? 0f : -0f), Value);
        yield return Changed("subnormals", (i, c) => BitConverter.UInt16BitsToHalf((ushort)(((i * 31) + c) % 1023)),
            (i, c) => BitConverter.UInt16BitsToHalf((ushort)(0x8000 + (((i * 7) + c) % 1023))));
        yield return Changed("largest keys", (i, c) => (i * c) % 3 == 0 ? Half.MaxValue : Half.MinValue, Value);
        yield return Changed("largest values", (i, c) => plain.Keys[(i * Dim) + c], (i, c) => (i + c) % 2 == 0 ? Half.MaxValue
            : Half.MinValue);
        yield return Changed("two keys", (i, c) => (Half)(i < tokens / 3 ? 1f : c % 2 == 0 ? 1.5f : 0.5f), Value);
        yield return Changed("one key above all", (i, c) => i == tokens / 2 ? (Half)(plain.Queries[^(Dim - c)] * 20)
            : plain.Keys[(i * Dim) + c], Value);
        yield return Changed("largest queries", (i, c) => plain.Keys[(i * Dim) + c], Value, query: 1L << 48);
        yield return Changed("smallest queries", (i, c) => plain.Keys[(i * Dim) + c], Value, query: 1e-40f);
        yield return Changed("a sink of great norm", (i, c) => i == 0 ? (Half)(c % 2 == 0 ? 3000f : -3000f) : plain.Keys[(i * Dim) + c],
            Value);
    }

    /// <summary>A context that keeps an index for these options.</summary>
    public KeyValueCache Sparse(AttentionOptions options, int steps = 1) => Contexts.Sparse(Keys, Values, Dim, Tokens, options, steps);

    public KeyValueCache Cache() => Contexts.Of(Keys, Values, Dim, Tokens);

    /// <summary>Query rows at positions from <paramref name="first"/> on.</summary>
    public ReadOnlySpan<float> Rows(int first, int rows) => Queries.AsSpan(first * Group * Dim, rows * Group * Dim);

    public ReadOnlySpan<float> Query(int position, int head) => Queries.AsSpan(((position * Group) + head) * Dim, Dim);

    public double[] Oracle(int position, int head)
    {
        double[] output = new double[Dim];
        DenseOracle.Softmax(Query(position, head), Keys.AsSpan(0, (position + 1) * Dim), Values.AsSpan(0, (position + 1) * Dim), output);
        return output;
    }

    /// <summary>The size of the values, by which an error is judged.</summary>
    public double ValueSize() => Math.Max(1e-30, Values.Max(v => Math.Abs((double)v)));

    private static float[] Floats(Random random, int count, float scale)
    {
        float[] data = new float[count];
        for (int i = 0; i < count; i++) data[i] = scale * ((2 * random.NextSingle()) - 1);
        return data;
    }

    private static Half[] Table(int tokens, int dim, Func<int, int, Half> entry)
    {
        Half[] table = new Half[tokens * dim];
        for (int i = 0; i < table.Length; i++) table[i] = entry(i / dim, i % dim);
        return table;
    }
}
