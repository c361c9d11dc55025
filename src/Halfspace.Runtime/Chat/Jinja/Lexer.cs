namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Splits a template into text and tags, and applies whitespace control with trim_blocks and lstrip_blocks on.</summary>
internal sealed class Lexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _position;
    private int _line = 1;
    private bool _lineStart = true;   // whether what stands before the next text ends a line

    private Lexer(string source) => _source = source;

    public static List<Token> Read(string source)
    {
        if (source.Length > Limits.SourceLength)
            throw new JinjaException($"it is longer than {Limits.SourceLength} characters", 1);
        string text = StringLiteral.NormaliseNewlines(source);
        if (text.EndsWith('\n')) text = text[..^1];   // Jinja drops one newline at the end
        Lexer lexer = new(text);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        while (NextTag() is int begin and >= 0)
        {
            char kind = _source[begin + 1];
            int after = begin + 2;
            char sign = after < _source.Length && _source[after] is '-' or '+' ? _source[after++] : '\0';
            Data(_source[_position..begin], sign, stripLine: kind != '{');
            int line = _line;
            if (kind == '#') Comment(after, line);
            else if (kind == '%' && RawBegin(after) is int body and >= 0) Raw(begin, body, line);
            else Tag(kind == '{', after);
        }

        Emit(TokenKind.Data, _source[_position..]);
        _tokens.Add(new Token(TokenKind.End, "", _line));
    }

    private int NextTag()
    {
        for (int i = _position; (i = _source.IndexOf('{', i)) >= 0 && i + 1 < _source.Length; i++)
            if (_source[i + 1] is '{' or '%' or '#') return i;
        return -1;
    }

    private void Emit(TokenKind kind, string text)
    {
        if (kind != TokenKind.Data || text.Length > 0) _tokens.Add(new Token(kind, text, _line));
    }

    /// <summary>Adds the text before a tag, without what the tag's sign or lstrip_blocks takes off its end.</summary>
    private void Data(string text, char sign, bool stripLine)
    {
        string kept = text;
        if (sign == '-')
        {
            kept = PythonText.StripEnd(text);
        }
        else if (sign != '+' && stripLine)
        {
            int start = text.LastIndexOf('\n') + 1;
            if ((start > 0 || _lineStart) && PythonText.LeadingWhitespace(text.AsSpan(start)) == text.Length - start) kept = text[..start];
        }

        Emit(TokenKind.Data, kept);
        _line += text.AsSpan().Count('\n');
    }

    /// <summary>Moves behind a tag's end at <paramref name="end"/>: its two characters, and the whitespace that its sign takes.</summary>
    private void Close(int begin, int end, char sign, bool trimNewline)
    {
        int next = end + 2;
        if (sign == '-') next += PythonText.LeadingWhitespace(_source.AsSpan(next));
        else if (sign != '+' && trimNewline && next < _source.Length && _source[next] == '\n') next++;
        _line += _source.AsSpan(begin, next - begin).Count('\n');
        _lineStart = _source[next - 1] == '\n';
        _position = next;
    }

    private void Comment(int after, int line)
    {
        int end = _source.IndexOf("#}", after, StringComparison.Ordinal);
        if (end < 0) throw new JinjaException("a comment has no end '#}'", line);
        Close(after, end, end > after ? _source[end - 1] : '\0', trimNewline: true);
    }

    /// <summary>Where the text of a raw block begins, or -1 if the tag is another.</summary>
    private int RawBegin(int after)
    {
        int i = after + PythonText.LeadingWhitespace(_source.AsSpan(after));
        if (!_source.AsSpan(i).StartsWith("raw", StringComparison.Ordinal)) return -1;
        i += 3;
        i += PythonText.LeadingWhitespace(_source.AsSpan(i));
        if (_source.AsSpan(i).StartsWith("%}", StringComparison.Ordinal)) return i + 2;
        if (!_source.AsSpan(i).StartsWith("-%}", StringComparison.Ordinal)) return -1;
        return i + 3 + PythonText.LeadingWhitespace(_source.AsSpan(i + 3));
    }

    private void Raw(int start, int body, int line)
    {
        _line += _source.AsSpan(start, body - start).Count('\n');
        _lineStart = _source[body - 1] == '\n';
        for (int begin = body; (begin = _source.IndexOf("{%", begin, StringComparison.Ordinal)) >= 0; begin++)
        {
            int i = begin + 2;
            char sign = i < _source.Length && _source[i] is '-' or '+' ? _source[i++] : '\0';
            i += PythonText.LeadingWhitespace(_source.AsSpan(i));
            if (!_source.AsSpan(i).StartsWith("endraw", StringComparison.Ordinal)) continue;
            i += 6;
            i += PythonText.LeadingWhitespace(_source.AsSpan(i));
            char endSign = i < _source.Length && _source[i] is '-' or '+' ? _source[i++] : '\0';
            if (!_source.AsSpan(i).StartsWith("%}", StringComparison.Ordinal)) continue;
            Data(_source[body..begin], sign, stripLine: true);
            Close(begin, i, endSign, trimNewline: true);
            return;
        }

        throw new JinjaException("a raw block has no end '{% endraw %}'", line);
    }

    private void Tag(bool print, int after)
    {
        Emit(print ? TokenKind.PrintBegin : TokenKind.BlockBegin, "");
        TagLexer tag = new(_source, after, _line, print, _tokens);
        (int end, char sign) = tag.Run();
        _line = tag.Line;
        _tokens.Add(new Token(print ? TokenKind.PrintEnd : TokenKind.BlockEnd, "", _line));
        Close(end, end, sign, trimNewline: !print);
    }
}
