using System.Globalization;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Reads what stands between a tag's delimiters. A closing delimiter counts only where brackets are balanced.</summary>
internal sealed class TagLexer(string source, int position, int line, bool print, List<Token> tokens)
{
    private readonly Stack<char> _open = new();
    private int _position = position;

    public int Line { get; private set; } = line;

    /// <returns>Where the two closing characters stand, and the sign before them.</returns>
    public (int End, char Sign) Run()
    {
        string close = print ? "}}" : "%}";
        while (_position < source.Length)
        {
            ReadOnlySpan<char> rest = source.AsSpan(_position);
            if (_open.Count == 0)
            {
                if (rest.StartsWith(close, StringComparison.Ordinal)) return (_position, '\0');
                bool sign = rest[0] == '-' || (rest[0] == '+' && !print);
                if (sign && rest[1..].StartsWith(close, StringComparison.Ordinal)) return (_position + 1, rest[0]);
            }

            int space = PythonText.LeadingWhitespace(rest);
            if (space > 0)
            {
                Line += rest[..space].Count('\n');
                _position += space;
                continue;
            }

            int length = rest[0] switch
            {
                >= '0' and <= '9' => Number(rest),
                '\'' or '"' => String(rest),
                char c when c == '_' || char.IsLetter(c) => Add(TokenKind.Name, rest[..NameLength(rest)]),
                _ => Operator(rest),
            };
            _position += length;
        }

        throw new JinjaException($"a tag has no end '{close}'", Line);
    }

    private int Add(TokenKind kind, ReadOnlySpan<char> text)
    {
        tokens.Add(new Token(kind, text.ToString(), Line));
        return text.Length;
    }

    private static int NameLength(ReadOnlySpan<char> rest)
    {
        int i = 1;
        while (i < rest.Length && (rest[i] == '_' || char.IsLetterOrDigit(rest[i]))) i++;
        return i;
    }

    private int String(ReadOnlySpan<char> rest)
    {
        int i = 1;
        while (i < rest.Length && rest[i] != rest[0]) i += rest[i] == '\\' ? 2 : 1;
        if (i >= rest.Length) throw new JinjaException("a string has no closing quote", Line);
        tokens.Add(new Token(TokenKind.String, StringLiteral.Unescape(rest[1..i], Line), Line));
        Line += rest[..i].Count('\n');
        return i + 1;
    }

    private int Number(ReadOnlySpan<char> rest)
    {
        if (rest.Length > 1 && rest[0] == '0' && char.ToLowerInvariant(rest[1]) is 'x' or 'o' or 'b' && rest.Length > 2)
        {
            int end = 2;
            while (end < rest.Length && (char.IsAsciiHexDigit(rest[end]) || rest[end] == '_')) end++;
            return Add(TokenKind.Integer, rest[..end]);
        }

        int i = Digits(rest, 0);
        bool isFloat = false;
        bool afterDot = _position > 0 && source[_position - 1] == '.';   // x.0.1 reads as two items
        if (!afterDot && i + 1 < rest.Length && rest[i] == '.' && char.IsAsciiDigit(rest[i + 1]))
        {
            i = Digits(rest, i + 1);
            isFloat = true;
        }

        if (!afterDot && i < rest.Length && rest[i] is 'e' or 'E')
        {
            int exponent = i + 1 < rest.Length && rest[i + 1] is '+' or '-' ? i + 2 : i + 1;
            if (exponent < rest.Length && char.IsAsciiDigit(rest[exponent]))
            {
                i = Digits(rest, exponent);
                isFloat = true;
            }
        }

        return Add(isFloat ? TokenKind.Float : TokenKind.Integer, rest[..i]);
    }

    private static int Digits(ReadOnlySpan<char> rest, int i)
    {
        while (i < rest.Length && (DigitAt(rest, i) || (rest[i] == '_' && DigitAt(rest, i + 1)))) i++;
        return i;

        static bool DigitAt(ReadOnlySpan<char> rest, int i) => i < rest.Length && char.IsAsciiDigit(rest[i]);
    }

    private int Operator(ReadOnlySpan<char> rest)
    {
        int length = rest.Length > 1 && rest[..2] is "//" or "**" or "==" or "!=" or ">=" or "<=" ? 2 : 1;
        if (length == 1 && !"+-*/%~[](){}<>=.:|,;".Contains(rest[0]))
            throw new JinjaException(string.Create(CultureInfo.InvariantCulture, $"the character '{rest[0]}' is not expected here"), Line);
        if (rest[0] is '(' or '[' or '{')
        {
            _open.Push(rest[0] == '(' ? ')' : rest[0] == '[' ? ']' : '}');
        }
        else if (rest[0] is ')' or ']' or '}' && (_open.Count == 0 || _open.Pop() != rest[0]))
        {
            throw new JinjaException($"the bracket '{rest[0]}' closes nothing", Line);
        }

        return Add(TokenKind.Operator, rest[..length]);
    }
}
