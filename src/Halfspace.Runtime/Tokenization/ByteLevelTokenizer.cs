using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Halfspace.Runtime.Tokenization;

/// <summary>Byte-level BPE (<c>tokenizer.ggml.model</c> = <c>gpt2</c>): text is split into pieces, and the UTF-8 bytes of each are merged
/// by rank. A byte that the vocabulary lacks is left out, as the reference implementation does.</summary>
internal sealed class ByteLevelTokenizer : Tokenizer
{
    // The library's merging is quadratic in a piece's length: a letter repeated a million times takes it over a minute.
    private const int LongestForLibrary = 256;

    private readonly TokenizerVocabulary _vocabulary;
    private readonly TextSplitter _splitter;
    private readonly BpeTokenizer _bpe;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>>? _wholePieces;
    private readonly int _longestToken;
    private readonly Lazy<ByteMergeTable> _longPieces;

    public ByteLevelTokenizer(TokenizerVocabulary vocabulary)
        : this(vocabulary, TextSplitter.Named(vocabulary.Pre))
    {
    }

    private ByteLevelTokenizer(TokenizerVocabulary vocabulary, TextSplitter splitter)
        : base(vocabulary, splitter.AddsBos, WriteText)
    {
        _vocabulary = vocabulary;
        _splitter = splitter;
        Dictionary<string, int> mergeable = Mergeable(vocabulary);
        string[] merges = vocabulary.Merges ?? [];
        // A model of bytes needs none; any longer token is reached by merges only.
        if (merges.Length == 0 && mergeable.Keys.Any(token => token.Length > 1))
            throw new ModelException("The model's tokenizer has no merges (tokenizer.ggml.merges); convert the model again.");
        try
        {
            _bpe = BpeTokenizer.Create(new BpeOptions(mergeable) { Merges = merges, ByteLevel = true });
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new ModelException(
                "The tokenizer's merges (tokenizer.ggml.merges) do not fit its tokens; convert the model again.", e);
        }

        if (splitter.TakesWholePieces)
        {
            _wholePieces = mergeable.GetAlternateLookup<ReadOnlySpan<char>>();
            _longestToken = mergeable.Keys.Max(token => token.Length);
        }

        _longPieces = new(() => new ByteMergeTable(mergeable, merges));
    }

    internal override bool AddsSpacePrefix => false;

    private protected override void EncodeText(ReadOnlySpan<char> text, List<int> ids)
    {
        while (!text.IsEmpty)
        {
            ReadOnlySpan<char> piece = text[.._splitter.Next(text)];
            text = text[piece.Length..];
            if (_wholePieces is not null && TryWhole(piece, out int id))
                ids.Add(id);
            else if (piece.Length > LongestForLibrary)
                _longPieces.Value.Encode(piece, ids);
            else
                ids.AddRange(_bpe.EncodeToIds(piece, considerPreTokenization: false, considerNormalization: false));
        }
    }

    private static void WriteText(string token, List<byte> bytes)
    {
        Span<byte> utf8 = stackalloc byte[4];
        foreach (Rune rune in token.EnumerateRunes())
        {
            int value = rune.IsBmp ? ByteAlphabet.ToByte((char)rune.Value) : -1;
            if (value >= 0)
                bytes.Add((byte)value);
            else
                bytes.AddRange(utf8[..rune.EncodeToUtf8(utf8)]); // some vocabularies hold added tokens as plain text
        }
    }

    /// <summary>The tokens that merging may form: never a control token.</summary>
    private static Dictionary<string, int> Mergeable(TokenizerVocabulary vocabulary)
    {
        Dictionary<string, int> ids = new(vocabulary.Tokens.Length, StringComparer.Ordinal);
        foreach (TokenType wanted in (ReadOnlySpan<TokenType>)[TokenType.Normal, TokenType.UserDefined, TokenType.Unused])
        {
            for (int id = 0; id < vocabulary.Tokens.Length; id++)
            {
                if (vocabulary.TypeOf(id) == wanted)
                    ids.TryAdd(vocabulary.Tokens[id], id);
            }
        }

        return ids;
    }

    private bool TryWhole(ReadOnlySpan<char> piece, out int id)
    {
        id = -1;
        if (piece.Length > _longestToken)
            return false;
        Span<byte> utf8 = stackalloc byte[512];
        if (!Encoding.UTF8.TryGetBytes(piece, utf8, out int count) || count > _longestToken)
            return false;
        Span<char> written = stackalloc char[count];
        for (int i = 0; i < count; i++)
            written[i] = ByteAlphabet.ToChar(utf8[i]);
        return _wholePieces!.Value.TryGetValue(written, out id) && _vocabulary.TypeOf(id) == TokenType.Normal;
    }
}
