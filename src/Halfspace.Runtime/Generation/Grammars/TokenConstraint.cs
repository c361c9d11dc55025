using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Says which tokens a grammar allows, step by step. Masks of known states are kept; nothing is allocated once they have grown. For
/// one thread.</summary>
internal sealed class TokenConstraint
{
    private const int MaskBytes = 2 << 20;

    private readonly Tokenizer _tokenizer;
    private readonly VocabularyTrie _trie;
    private readonly Automaton _automaton;
    private readonly int[] _ends;
    private readonly int _words, _mostMasks;
    private int[] _maskOf = []; // [states]: the mask's number + 1, negative if it allows none, 0 if it is not known
    private ulong[] _masks = [];
    private int _maskCount, _state;

    /// <param name="grammar">The grammar.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="vocabulary">How many logits there are.</param>
    /// <param name="ends">The tokens that may come when the text is complete.</param>
    /// <exception cref="ModelException">The grammar has no text that this vocabulary can write.</exception>
    public TokenConstraint(Grammar grammar, Tokenizer tokenizer, int vocabulary, IReadOnlyList<int> ends)
    {
        _tokenizer = tokenizer;
        _trie = tokenizer.Trie;
        _ends = [.. ends];
        bool[] productive = grammar.Graph.Productive(_trie.SingleBytes);
        if (!productive[grammar.Graph.Start])
            throw new ModelException(grammar.Graph.Productive(ByteSet.All)[grammar.Graph.Start]
                ? "This model's vocabulary lacks single bytes that JSON by this schema needs; use a model with a byte-level vocabulary."
                : "No finite text satisfies the schema; look for properties that contradict each other or require themselves without end.");
        _automaton = new Automaton(grammar.Graph, productive);
        _state = _automaton.Start;
        _words = (Math.Max(vocabulary, tokenizer.VocabularySize) + 63) / 64;
        _mostMasks = Math.Max(16, MaskBytes / (_words * sizeof(ulong)));
    }

    /// <summary>Whether the text so far may end here.</summary>
    public bool IsComplete => _automaton.IsComplete(_state);

    /// <summary>The tokens that may come next as bits, end tokens among them where the text may end; empty if it must end and no token says so.
    /// </summary>
    public ReadOnlySpan<ulong> Allowed()
    {
        if (_automaton.Trim(ref _state) || _maskCount == _mostMasks)
        {
            Array.Clear(_maskOf);
            _maskCount = 0;
        }

        int state = _automaton.Near(_state);
        int known = state < _maskOf.Length ? _maskOf[state] : 0;
        if (known == 0) known = Compute(state);
        return known < 0 ? [] : Mask(known - 1);
    }

    /// <summary>Takes a token that was allowed and is no end token.</summary>
    public void Accept(int token)
    {
        foreach (byte value in _tokenizer.TokenBytes(token))
        {
            _state = _automaton.Step(_state, value);
            if (_state == Automaton.Dead) throw new InvalidOperationException($"Token {token} is not allowed here.");
        }
    }

    private Span<ulong> Mask(int index) => _masks.AsSpan(index * _words, _words);

    private int Compute(int state)
    {
        if ((_maskCount + 1) * _words > _masks.Length)
            Array.Resize(ref _masks, Math.Min(_mostMasks, Math.Max(4, 2 * _maskCount)) * _words);
        Span<ulong> mask = Mask(_maskCount);
        mask.Clear();
        bool any = _trie.Allowed(_automaton, state, mask);
        if (IsComplete)
        {
            any |= _ends.Length > 0;
            foreach (int end in _ends) mask[end >> 6] |= 1UL << (end & 63);
        }

        if (state >= _maskOf.Length) Array.Resize(ref _maskOf, Math.Max(_automaton.Count, 2 * _maskOf.Length));
        return _maskOf[state] = any ? ++_maskCount : -1;
    }
}
