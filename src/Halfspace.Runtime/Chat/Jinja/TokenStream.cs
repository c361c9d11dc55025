namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The tokens of a template and the place in them.</summary>
internal sealed class TokenStream(List<Token> tokens)
{
    private int _position;
    private int _nesting;

    public Token Current => tokens[_position];

    public Token Following => tokens[Math.Min(_position + 1, tokens.Count - 1)];

    public int Line => Current.Line;

    public Token Next()
    {
        Token token = Current;
        if (_position < tokens.Count - 1) _position++;
        return token;
    }

    public bool SkipOperator(string text)
    {
        if (!Current.IsOperator(text)) return false;
        Next();
        return true;
    }

    public bool SkipName(string text)
    {
        if (!Current.IsName(text)) return false;
        Next();
        return true;
    }

    public string ExpectName() => Current.Kind == TokenKind.Name ? Next().Text : throw Unexpected("a name");

    public void ExpectName(string text)
    {
        if (!SkipName(text)) throw Unexpected($"'{text}'");
    }

    public void ExpectOperator(string text)
    {
        if (!SkipOperator(text)) throw Unexpected($"'{text}'");
    }

    public void Expect(TokenKind kind)
    {
        if (Current.Kind != kind) throw Unexpected(kind == TokenKind.PrintEnd ? "'}}'" : "'%}'");
        Next();
    }

    public JinjaException Unexpected(string expected) => new($"{expected} is expected, but there is {Current.Describe()}", Line);

    /// <summary>Counts one more level of brackets or blocks.</summary>
    public void Enter()
    {
        if (++_nesting > Limits.ParserNesting) throw Budget.TooDeep(Line);
        Budget.Stack();
    }

    public void Leave() => _nesting--;
}
