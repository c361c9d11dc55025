namespace Halfspace.Attention.Tests;

/// <summary>Contexts of one head, and attention through them.</summary>
internal static class Contexts
{
    public static KeyValueCache Of(Half[] keys, Half[] values, int dim, int tokens)
    {
        KeyValueCache cache = new(new AttentionShape(1, 1, 1, dim), 10_000);
        cache.Reserve(tokens);
        Append(cache, keys, values, dim, tokens);
        return cache;
    }

    /// <summary>Makes room, and appends a case's tokens up to there.</summary>
    public static void Reserve(KeyValueCache cache, Case data, int tokens)
    {
        cache.Reserve(Math.Max(tokens, data.Tokens));
        Append(cache, data.Keys, data.Values, data.Dim, tokens - cache[0, 0].Count);
    }

    /// <summary>Appends tokens that follow those held.</summary>
    public static void Append(KeyValueCache cache, Half[] keys, Half[] values, int dim, int tokens)
    {
        HeadCache head = cache[0, 0];
        float[] k = Array.ConvertAll(keys[(head.Count * dim)..((head.Count + tokens) * dim)], h => (float)h);
        float[] v = Array.ConvertAll(values[(head.Count * dim)..((head.Count + tokens) * dim)], h => (float)h);
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
}
