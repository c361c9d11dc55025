using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Tokenization;

/// <summary>Cuts text into the pieces within which byte-level BPE merges, as the pattern named by <c>tokenizer.ggml.pre</c> does.</summary>
/// <remarks>
/// The published patterns are regular expressions over Unicode code points. They are read here by hand, for two reasons: .NET's
/// expressions see UTF-16 units, so letters beyond U+FFFF would not be letters; and this scan is linear in the text whatever it holds.
/// <list type="bullet">
/// <item><c>gpt-2</c>: <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c></item>
/// <item><c>smollm</c>: each <c>\p{N}</c> alone, and gpt-2's pattern on each stretch between them</item>
/// <item><c>llama-bpe</c>:
/// <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c></item>
/// <item><c>qwen2</c>: the same with <c>\p{N}</c> in place of <c>\p{N}{1,3}</c></item>
/// </list>
/// </remarks>
internal readonly struct TextSplitter
{
    private readonly bool _llama3;
    private readonly int _digits;

    private TextSplitter(bool llama3, int digits, bool wholePieces = false, bool addsBos = false)
    {
        _llama3 = llama3;
        _digits = digits;
        TakesWholePieces = wholePieces;
        AddsBos = addsBos;
    }

    private enum Kind : byte { End, Other, Letter, Number, Space }

    /// <summary>Whether a piece that is itself a token is that token, whatever the merges would make of it.</summary>
    public bool TakesWholePieces { get; }

    /// <summary>Whether a text begins with the BOS token when the file does not say.</summary>
    public bool AddsBos { get; }

    /// <summary>The splitter of a name in <c>tokenizer.ggml.pre</c>.</summary>
    /// <exception cref="ModelException">The name is missing or not known.</exception>
    public static TextSplitter Named(string? name) => name switch
    {
        "gpt-2" or "gpt2" or "phi-2" => new(llama3: false, digits: int.MaxValue),
        "smollm" => new(llama3: false, digits: 1),
        "llama-bpe" or "llama3" or "llama-v3" => new(llama3: true, digits: 3, wholePieces: true, addsBos: true),
        "qwen2" or "deepseek-r1-qwen" => new(llama3: true, digits: 1),
        null => throw new ModelException(
            "The model does not say how its tokenizer splits text (tokenizer.ggml.pre is missing); " +
            "convert it again with a current converter."),
        _ => throw new ModelException(
            $"The tokenizer splits text as '{name}' (tokenizer.ggml.pre), which is not supported; use a model with one of: " +
            "gpt-2, smollm, llama-bpe, qwen2."),
    };

    /// <summary>The length of the first piece.</summary>
    /// <param name="text">Not empty; what is left of the text.</param>
    public int Next(ReadOnlySpan<char> text)
    {
        int contraction = Contraction(text);
        return contraction > 0 ? contraction : _llama3 ? NextLlama3(text) : NextGpt2(text);
    }

    private int NextGpt2(ReadOnlySpan<char> text)
    {
        bool apart = _digits == 1;
        Kind kind = At(text, 0, out int length);
        if (text[0] == ' ')
        {
            Kind after = At(text, 1, out int width);
            if (after is Kind.Letter or Kind.Other || (after == Kind.Number && !apart))
                (kind, length) = (after, 1 + width);
        }

        if (kind == Kind.Space)
            return Spaces(text, numberEnds: apart);
        return kind == Kind.Number && apart ? length : Run(text, length, kind);
    }

    private int NextLlama3(ReadOnlySpan<char> text)
    {
        Kind kind = At(text, 0, out int length);
        if (kind == Kind.Letter)
            return Run(text, length, Kind.Letter);
        if (kind == Kind.Number)
            return Run(text, length, Kind.Number, _digits - 1);
        if (text[0] is not ('\r' or '\n') && At(text, length, out int letter) == Kind.Letter)
            return Run(text, length + letter, Kind.Letter);
        if (text[0] == ' ' && At(text, 1, out int other) == Kind.Other)
            (kind, length) = (Kind.Other, 1 + other);
        if (kind == Kind.Other)
        {
            int end = Run(text, length, Kind.Other);
            while (end < text.Length && text[end] is '\r' or '\n')
                end++;
            return end;
        }

        int newline = text[..Run(text, length, Kind.Space)].LastIndexOfAny('\r', '\n');
        return newline >= 0 ? newline + 1 : Spaces(text, numberEnds: false);
    }

    /// <summary><c>\s+(?!\S)|\s+</c>: a run of white space leaves its last character to a word that follows.</summary>
    private static int Spaces(ReadOnlySpan<char> text, bool numberEnds)
    {
        int end = Run(text, 1, Kind.Space);
        Kind after = At(text, end, out _);
        return end == 1 || after == Kind.End || (after == Kind.Number && numberEnds) ? end : end - 1;
    }

    private static int Run(ReadOnlySpan<char> text, int from, Kind kind, int most = int.MaxValue)
    {
        while (most-- > 0 && At(text, from, out int length) == kind)
            from += length;
        return from;
    }

    private int Contraction(ReadOnlySpan<char> text)
    {
        if (text.Length < 2 || text[0] != '\'')
            return 0;
        char first = Fold(text[1]);
        if (first is 's' or 't' or 'm' or 'd')
            return 2;
        char second = text.Length > 2 ? Fold(text[2]) : '\0';
        return (first, second) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }

    /// <summary>Llama 3's contractions ignore case; the long s folds to s.</summary>
    private char Fold(char c) => !_llama3 ? c : c == '\u017F' ? 's' : char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;

    private static Kind At(ReadOnlySpan<char> text, int index, out int length)
    {
        length = 1;
        if ((uint)index >= (uint)text.Length)
        {
            length = 0;
            return Kind.End;
        }

        char c = text[index];
        if (char.IsAscii(c))
        {
            return char.IsAsciiLetter(c) ? Kind.Letter
                : char.IsAsciiDigit(c) ? Kind.Number
                : char.IsWhiteSpace(c) ? Kind.Space
                : Kind.Other;
        }

        if (!char.IsSurrogate(c))
            return char.IsWhiteSpace(c) ? Kind.Space : Of(CharUnicodeInfo.GetUnicodeCategory(c));
        Rune.DecodeFromUtf16(text[index..], out Rune rune, out length);
        return Of(Rune.GetUnicodeCategory(rune));
    }

    private static Kind Of(UnicodeCategory category)
    {
        return category <= UnicodeCategory.OtherLetter ? Kind.Letter
            : category is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber ? Kind.Number
            : Kind.Other;
    }
}
