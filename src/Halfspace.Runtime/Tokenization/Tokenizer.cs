using System.Text;
using Halfspace.Runtime.Generation.Grammars;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tokenization;

/// <summary>Text to token ids and back, as a model's file describes it. Immutable; safe for concurrent use.</summary>
/// <remarks>
/// User-defined tokens are found in any text; control tokens only where <c>parseSpecial</c> asks for them, so that text from outside
/// cannot pretend to be a turn of the conversation. Of tokens written out in a text the leftmost is taken, and of those that begin at
/// one place the longest; the text between them is tokenised apart. No text is ever tokenised to a control token otherwise.
/// A lone surrogate counts as U+FFFD.
/// </remarks>
public abstract class Tokenizer
{
    private readonly TokenizerVocabulary _vocabulary;
    private readonly TokenMatcher _userDefined;
    private readonly TokenMatcher _special;
    private readonly TokenTexts _texts;
    private readonly bool[] _isSpecial;
    private readonly Lazy<VocabularyTrie> _trie;

    /// <param name="vocabulary">Valid.</param>
    /// <param name="addsBos">Whether a text begins with BOS where the file does not say.</param>
    /// <param name="writeText">Appends the bytes of a token that is text.</param>
    private protected Tokenizer(TokenizerVocabulary vocabulary, bool addsBos, Action<string, List<byte>> writeText)
    {
        _vocabulary = vocabulary;
        _texts = new(vocabulary, writeText);
        AddBos = vocabulary.BosId is not null && (vocabulary.AddBos ?? addsBos);
        List<int> ends = [];
        List<(string, int)> userDefined = [], special = [];
        _isSpecial = new bool[vocabulary.Tokens.Length];
        for (int id = 0; id < vocabulary.Tokens.Length; id++)
        {
            TokenType type = vocabulary.TypeOf(id);
            if (type is not (TokenType.UserDefined or TokenType.Control or TokenType.Unknown))
                continue;
            string text = vocabulary.Tokens[id];
            special.Add((text, id));
            if (type == TokenType.UserDefined)
                userDefined.Add((text, id));
            else
                _isSpecial[id] = true;
            if (id == vocabulary.EosId || id == vocabulary.EotId || (type == TokenType.Control && TokenizerVocabulary.IsNamedLikeEnd(text)))
                ends.Add(id);
        }

        foreach (int? id in (ReadOnlySpan<int?>)[vocabulary.EosId, vocabulary.EotId])
        {
            if (id is int end && !ends.Contains(end))
                ends.Add(end);
        }

        ends.Sort();
        EndIds = ends;
        _trie = new(() => new VocabularyTrie(this));
        _userDefined = new(userDefined);
        _special = new(special);
    }

    /// <summary>How many tokens there are; ids are below it.</summary>
    public int VocabularySize => _vocabulary.Tokens.Length;

    /// <summary>The token that begins a text.</summary>
    public int? BosId => _vocabulary.BosId;

    /// <summary>The token that ends a text.</summary>
    public int? EosId => _vocabulary.EosId;

    /// <summary>Whether the model expects <see cref="BosId"/> before a text.</summary>
    public bool AddBos { get; }

    /// <summary>The tokens after which generation ends, ascending: the file's EOS and EOT, and every control token named
    /// &lt;|im_end|&gt;, &lt;|eot_id|&gt;, &lt;|eom_id|&gt;, &lt;|end_of_text|&gt;, &lt;|endoftext|&gt;, &lt;/s&gt;, &lt;|end|&gt;
    /// or &lt;end_of_turn&gt;. Files often name one EOS of several.</summary>
    public IReadOnlyList<int> EndIds { get; }

    /// <summary>The bytes of the text tokens as a tree, made when it is first needed.</summary>
    internal VocabularyTrie Trie => _trie.Value;

    /// <summary>Whether a stretch of text is tokenised with a space before it, which decoding takes away again.</summary>
    internal abstract bool AddsSpacePrefix { get; }

    /// <summary>Builds the tokenizer of a model file, which may be closed afterwards.</summary>
    /// <exception cref="ModelException">The file describes none, or one that is not supported or does not fit together.</exception>
    public static Tokenizer Create(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return Create(GgufVocabulary.Read(file.Metadata));
    }

    /// <summary>Builds the tokenizer of a description.</summary>
    /// <exception cref="ModelException">The kind of tokenizer is not supported, or its parts do not fit each other.</exception>
    public static Tokenizer Create(TokenizerVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        vocabulary.Validate();
        return vocabulary.Model switch
        {
            "gpt2" => new ByteLevelTokenizer(vocabulary),
            "llama" => new SentencePieceTokenizer(vocabulary),
            _ => throw new ModelException(
                $"The model's tokenizer is of the kind '{vocabulary.Model}' (tokenizer.ggml.model), which is not supported; " +
                "use a model with one of: gpt2, llama."),
        };
    }

    /// <summary>Turns text into token ids.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="parseSpecial">Whether control tokens written out in the text are those tokens; leave it off for outside text.</param>
    /// <param name="addBos">Whether <see cref="BosId"/> goes first, if there is one and the text does not begin with it already.</param>
    public int[] Encode(string text, bool parseSpecial = false, bool addBos = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        TokenMatcher matcher = parseSpecial ? _special : _userDefined;
        List<int> ids = new((text.Length / 4) + 8);
        ReadOnlySpan<char> rest = WellFormed(text);
        while (matcher.TryFind(rest, out int index, out int length, out int id))
        {
            EncodeText(rest[..index], ids);
            ids.Add(id);
            rest = rest[(index + length)..];
        }

        EncodeText(rest, ids);
        if (addBos && BosId is int bos && (ids.Count == 0 || ids[0] != bos))
            ids.Insert(0, bos);
        return [.. ids];
    }

    /// <summary>The text of a token in UTF-8, perhaps a part of a character; control tokens have the text they are written as.</summary>
    public ReadOnlySpan<byte> TokenBytes(int id)
    {
        CheckId(id);
        return _texts[id];
    }

    /// <summary>The token as the vocabulary writes it.</summary>
    public string TokenText(int id)
    {
        CheckId(id);
        return _vocabulary.Tokens[id];
    }

    /// <summary>Whether a token is a control token or the unknown token, and so is not text.</summary>
    public bool IsSpecial(int id)
    {
        CheckId(id);
        return _isSpecial[id];
    }

    /// <summary>Whether a token stands for its bytes in a text.</summary>
    internal bool IsText(int id) => !EndIds.Contains(id) && _vocabulary.TypeOf(id) is TokenType.Normal or TokenType.UserDefined or TokenType.Byte;

    /// <summary>Turns token ids into text; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecial">Whether control tokens are left out rather than written.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = true)
    {
        List<byte> bytes = new(ids.Length * 4);
        bool atStart = true;
        foreach (int id in ids)
            bytes.AddRange(TextOf(id, skipSpecial, ref atStart));
        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>What a token adds to a text.</summary>
    /// <param name="id">The token.</param>
    /// <param name="skipSpecial">Whether control tokens add nothing.</param>
    /// <param name="atStart">Whether a stretch of text begins here; kept up to date.</param>
    internal ReadOnlySpan<byte> TextOf(int id, bool skipSpecial, ref bool atStart)
    {
        ReadOnlySpan<byte> bytes = TokenBytes(id);
        TokenType type = _vocabulary.TypeOf(id);
        if (type is TokenType.Control or TokenType.Unknown or TokenType.UserDefined)
        {
            atStart = true;
            return skipSpecial && type != TokenType.UserDefined ? [] : bytes;
        }

        bool inserted = atStart && AddsSpacePrefix && bytes is [(byte)' ', ..];
        atStart &= bytes.IsEmpty;
        return inserted ? bytes[1..] : bytes;
    }

    /// <summary>Appends the tokens of a text that holds no special token and no lone surrogate.</summary>
    private protected abstract void EncodeText(ReadOnlySpan<char> text, List<int> ids);

    private static string WellFormed(string text) =>
        text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;

    private void CheckId(int id)
    {
        if ((uint)id >= (uint)VocabularySize)
            throw new ModelException($"Token {id} is not in the vocabulary, whose ids are 0 to {VocabularySize - 1}.");
    }
}
