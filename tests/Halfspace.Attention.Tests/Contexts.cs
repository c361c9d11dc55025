namespace Halfspace.Attention.Tests;

/// <summary>Contexts of one head, and attention through them.</summary>
internal static class Contexts
{
    /// <summary>Tokens that an index begins with.</summary>
    public const int Least = 2048;

    public static KeyValueCache Of(Half[] keys, Half[] values, int dim, int tokens)
    {
        KeyValueCache cache = new(new AttentionShape(1, 1, 1, dim), 10_000);
        cache.Reserve(tokens);
        Append(cache, keys, values, dim, tokens);
        return cache;
    }

    /// <summary>A context with an index, read in chunks of a prompt up to <paramref name="tokens"/> and token by token from there on.</summary>
    public static KeyValueCache Sparse(Half[] keys, Half[] values, int dim, int tokens, AttentionOptions options, int steps = 1)
    {
        KeyValueCache cache = new(new AttentionShape(1, 1, 1, dim), 10_000, options);
        cache.Reserve(tokens);
        while (cache[0, 0].Count < tokens)
        {
            int left = tokens - steps - cache[0, 0].Count;
            Grow(cache, keys, values, dim, left > 0 ? Math.Min(500, left) : 1);
        }
        return cache;
    }

    /// <summary>Appends tokens that follow those held, after the index has taken in the ones before.</summary>
    public static void Grow(KeyValueCache cache, Half[] keys, Half[] values, int dim, int tokens)
    {
        using AttentionScratch scratch = new();
        cache[0, 0].Advance(cache[0, 0].Count, tokens > 1, scratch);
        cache.Reserve(cache[0, 0].Count + tokens);
        Append(cache, keys, values, dim, tokens);
    }

    /// <summary>Positions in the index when so many tokens are held, the last of which has been attended from but not taken in.</summary>
    public static int Indexed(int tokens, AttentionOptions options)
    {
        int indexed = (tokens - options.Window) / 16 * 16;
        return indexed < Least ? 0 : indexed;
    }

    /// <summary>Appends tokens that follow those held.</summary>
    public static void Append(KeyValueCache cache, Half[] keys, Half[] values, int dim, int tokens)
    {
        HeadCache head = cache[0, 0];
        float[] k = Widen(keys.AsSpan(head.Count * dim, tokens * dim)), v = Widen(values.AsSpan(head.Count * dim, tokens * dim));
        head.Append(k, dim, v, dim, tokens);
    }

    /// <summary>Rows [rows, group, d] at positions from <paramref name="first"/> on.</summary>
    public static float[] Attend(this HeadAttention attention, HeadCache head, ReadOnlySpan<float> queries, int group, int rows, int first,
        AttentionScratch? scratch = null)
    {
        float[] output = new float[rows * group * head.Dim];
        using AttentionScratch own = new();
        attention.Attend(head, queries, group * head.Dim, group, rows, first, output, group * head.Dim, scratch ?? own);
        return output;
    }

    public static float[] Widen(ReadOnlySpan<Half> halves)
    {
        float[] floats = new float[halves.Length];
        for (int i = 0; i < floats.Length; i++) floats[i] = (float)halves[i];
        return floats;
    }
}
