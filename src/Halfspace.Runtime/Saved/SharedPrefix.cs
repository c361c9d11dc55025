using Halfspace.Attention;

namespace Halfspace.Runtime.Saved;

/// <summary>Finds saved contexts that begin as a text does, by their chains of prefixes.</summary>
internal static class SharedPrefix
{
    /// <summary>The file, read by the same model, that shares the most whole blocks of tokens with a text to go on from; null if none
    /// shares one. A file that cannot
    /// be read is passed over.</summary>
    public static string? Best(IEnumerable<string> paths, ModelFingerprint fingerprint, ReadOnlySpan<int> tokens, ContextOptions options)
    {
        byte[] wanted = ContextFormat.Chain(fingerprint.Chained, tokens, KeyValueCache.BlockTokens);
        string? best = null;
        (int Tokens, bool Whole) most = default;
        foreach (string path in paths)
        {
            try
            {
                (ContextHeader header, byte[] chain) = ContextFront.ReadChain(path);
                // Links chain: the last that is alike says that all before it are.
                int shared = wanted.AsSpan().CommonPrefixLength(chain) / ContextFormat.LinkBytes * KeyValueCache.BlockTokens;
                if (options.OpeningTokens > 0) shared = Math.Min(shared, header.PlainTokens);
                (int Tokens, bool Whole) found = (shared, header.Tokens == options.OpeningTokens);
                if (shared > 0 && found.CompareTo(most) > 0) (best, most) = (path, found);
            }
            catch (ModelException)
            {
            }
        }

        return best;
    }

    /// <summary>How many tokens of a file a text can go on from.</summary>
    public static int Usable(ContextHeader header, ReadOnlySpan<int> saved, ReadOnlySpan<int> tokens, ContextOptions options)
    {
        int shared = Math.Min(saved.CommonPrefixLength(tokens), options.Limit > 0 ? options.Limit : int.MaxValue);
        bool whole = shared == header.Tokens && shared == header.PlainTokens && shared == options.OpeningTokens;
        if (options.OpeningTokens == 0 || whole) return shared;
        // A chunk is read as a whole; keys and values of one that is cut would differ in the last bits, and an index with one that grew
        // between its steps.
        bool alike = header.ChunkTokens == options.ChunkTokens && options.ChunkTokens % HeadCache.PromptStep == 0
            && options.PromptAttention.Mode == AttentionMode.Dense;
        if (!alike) return 0;
        return Math.Min(Math.Min(shared, header.PlainTokens), options.OpeningTokens) / options.ChunkTokens * options.ChunkTokens;
    }
}
