using System.Buffers;
using System.Text;

namespace Halfspace.Runtime.Tokenization;

/// <summary>SentencePiece BPE (<c>tokenizer.ggml.model</c> = <c>llama</c>): spaces are written as U+2581, and neighbours whose joined text
/// is a token merge, the highest score first. A character without a token becomes its bytes, or the unknown token where the vocabulary has
/// no bytes. U+2581 in a text is therefore read back as a space.</summary>
internal sealed class SentencePieceTokenizer : Tokenizer
{
    private const char Space = '\u2581';

    private readonly TokenizerVocabulary _vocabulary;
    private readonly float[] _scores;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly int _longest;
    private readonly int[] _byteIds = new int[256];

    public SentencePieceTokenizer(TokenizerVocabulary vocabulary)
        : base(vocabulary, addsBos: true, WriteText)
    {
        _vocabulary = vocabulary;
        _scores = vocabulary.Scores
            ?? throw new ModelException("The model's tokenizer has no scores (tokenizer.ggml.scores); convert the model again.");
        AddsSpacePrefix = vocabulary.AddSpacePrefix ?? true;
        Array.Fill(_byteIds, -1);
        Dictionary<string, int> ids = new(vocabulary.Tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < vocabulary.Tokens.Length; id++)
        {
            string token = vocabulary.Tokens[id];
            TokenType type = vocabulary.TypeOf(id);
            if (type == TokenType.Byte)
                _byteIds[TokenizerVocabulary.ByteOf(token)] = id;
            else if (type is TokenType.Normal or TokenType.UserDefined && ids.TryAdd(token, id))
                _longest = Math.Max(_longest, token.Length);
        }

        _ids = ids.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    internal override bool AddsSpacePrefix { get; }

    private protected override void EncodeText(ReadOnlySpan<char> text, List<int> ids)
    {
        if (text.IsEmpty)
            return;
        char[] written = ArrayPool<char>.Shared.Rent(text.Length + 1);
        Symbol[] symbols = ArrayPool<Symbol>.Shared.Rent(text.Length + 1);
        try
        {
            ReadOnlySpan<char> escaped = Escape(text, written);
            Span<Symbol> used = symbols.AsSpan(0, Characters(escaped, symbols));
            MergeLoop.Run(used, new Rules(this, escaped));
            foreach (ref readonly Symbol symbol in used)
            {
                if (symbol.Id >= 0 && symbol.Length > 0)
                    ids.Add(symbol.Id);
                else if (symbol.Length > 0)
                    AddBytes(escaped.Slice(symbol.Start, symbol.Length), ids);
            }
        }
        finally
        {
            ArrayPool<char>.Shared.Return(written);
            ArrayPool<Symbol>.Shared.Return(symbols);
        }
    }

    private static void WriteText(string token, List<byte> bytes) =>
        bytes.AddRange(Encoding.UTF8.GetBytes(token.Replace(Space, ' ')));

    private Span<char> Escape(ReadOnlySpan<char> text, char[] written)
    {
        int prefix = AddsSpacePrefix ? 1 : 0;
        written[0] = Space;
        Span<char> copy = written.AsSpan(prefix, text.Length);
        text.CopyTo(copy);
        copy.Replace(' ', Space);
        return written.AsSpan(0, prefix + text.Length);
    }

    private int Characters(ReadOnlySpan<char> text, Symbol[] symbols)
    {
        int count = 0;
        for (int start = 0; start < text.Length;)
        {
            int length = char.IsHighSurrogate(text[start]) ? 2 : 1;
            int id = _ids.TryGetValue(text.Slice(start, length), out int known) ? known : -1;
            symbols[count++] = new() { Start = start, Length = length, Id = id };
            start += length;
        }

        return count;
    }

    private void AddBytes(ReadOnlySpan<char> character, List<int> ids)
    {
        Span<byte> utf8 = stackalloc byte[4];
        utf8 = utf8[..Encoding.UTF8.GetBytes(character, utf8)];
        bool complete = true;
        foreach (byte value in utf8)
            complete &= _byteIds[value] >= 0;
        if (complete)
        {
            foreach (byte value in utf8)
                ids.Add(_byteIds[value]);
        }
        else if (_vocabulary.UnknownId is int unknown)
        {
            ids.Add(unknown);
        }
    }

    private readonly ref struct Rules(SentencePieceTokenizer tokenizer, ReadOnlySpan<char> text) : IMergeRules
    {
        private readonly ReadOnlySpan<char> _text = text;

        public bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id)
        {
            (rank, id) = (0, -1);
            int length = left.Length + right.Length;
            if (length > tokenizer._longest || !tokenizer._ids.TryGetValue(_text.Slice(left.Start, length), out id))
                return false;

            // The bits of −score, turned so that they order as unsigned numbers.
            uint bits = BitConverter.SingleToUInt32Bits(0f - tokenizer._scores[id]);
            rank = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
            return true;
        }
    }
}
