using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>The bytes of a vocabulary's text tokens as a tree, its nodes in the order of a walk that can skip whole branches. Immutable.</summary>
internal sealed class VocabularyTrie
{
    /// <summary>Longer tokens are left out: others write the same bytes.</summary>
    public const int LongestToken = 32;

    private readonly byte[] _bytes;  // [nodes]
    private readonly byte[] _depths; // [nodes], 0 for a first byte
    private readonly int[] _ends;    // [nodes]: the first node after the branch
    private readonly int[] _tokens;  // [nodes]: a token that ends here, or −1
    private readonly int[] _same;    // [vocabulary]: another token of the same bytes, or −1

    public VocabularyTrie(Tokenizer tokenizer)
    {
        int vocabulary = tokenizer.VocabularySize;
        List<int> ids = [];
        _same = new int[vocabulary];
        Array.Fill(_same, -1);
        for (int id = 0; id < vocabulary; id++)
        {
            int length = tokenizer.TokenBytes(id).Length;
            if (length is > 0 and <= LongestToken && tokenizer.IsText(id)) ids.Add(id);
        }

        ids.Sort((x, y) => tokenizer.TokenBytes(x).SequenceCompareTo(tokenizer.TokenBytes(y)) is var order && order != 0 ? order : x.CompareTo(y));
        List<byte> bytes = [], depths = [];
        List<int> tokens = [];
        ByteSet single = default;
        ReadOnlySpan<byte> before = [];
        foreach (int id in ids)
        {
            ReadOnlySpan<byte> text = tokenizer.TokenBytes(id);
            int shared = before.CommonPrefixLength(text);
            for (int depth = shared; depth < text.Length; depth++)
            {
                bytes.Add(text[depth]);
                depths.Add((byte)depth);
                tokens.Add(-1);
            }

            _same[id] = tokens[^1];
            tokens[^1] = id;
            if (text.Length == 1) single |= ByteSet.Of(text[0]);
            before = text;
        }

        _bytes = [.. bytes];
        _depths = [.. depths];
        _tokens = [.. tokens];
        _ends = new int[_bytes.Length];
        SingleBytes = single;
        // From the last to the first, the next node that is not deeper.
        int[] open = new int[LongestToken];
        Array.Fill(open, _bytes.Length);
        for (int node = _bytes.Length - 1; node >= 0; node--)
        {
            int depth = _depths[node], end = _bytes.Length;
            for (int above = 0; above <= depth; above++) end = Math.Min(end, open[above]);
            _ends[node] = end;
            open[depth] = node;
        }
    }

    /// <summary>The bytes that are tokens of their own.</summary>
    public ByteSet SingleBytes { get; }

    /// <summary>Sets the bits of the tokens that a grammar allows after a state.</summary>
    /// <returns>Whether there are any.</returns>
    public bool Allowed(Automaton automaton, int state, Span<ulong> mask)
    {
        Span<int> states = stackalloc int[LongestToken + 1];
        states[0] = state;
        bool any = false;
        for (int node = 0; node < _bytes.Length;)
        {
            int depth = _depths[node], next = automaton.Step(states[depth], _bytes[node]);
            if (next == Automaton.Dead)
            {
                node = _ends[node];
                continue;
            }

            states[depth + 1] = next;
            for (int token = _tokens[node]; token >= 0; token = _same[token])
            {
                mask[token >> 6] |= 1UL << (token & 63);
                any = true;
            }

            node++;
        }

        return any;
    }
}
