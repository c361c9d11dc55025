namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Reads the tags of a template.</summary>
internal sealed class StatementParser
{
    private static readonly string[] NoEnd = [];

    private readonly TokenStream _stream;
    private readonly ExpressionParser _expressions;
    private bool _insideLoop;

    public StatementParser(List<Token> tokens)
    {
        _stream = new TokenStream(tokens);
        _expressions = new ExpressionParser(_stream);
    }

    public Statement[] Template() => Body(NoEnd);

    /// <summary>Statements up to one of the ending tags, whose name is then the current token.</summary>
    private Statement[] Body(params ReadOnlySpan<string> ends)
    {
        List<Statement> body = [];
        int start = _stream.Line;
        while (_stream.Current.Kind != TokenKind.End)
        {
            Token token = _stream.Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new TextOutput(token.Line, token.Text));
                    break;
                case TokenKind.PrintBegin:
                    body.Add(new Print(token.Line, _expressions.ExpressionOrTuple()));
                    _stream.Expect(TokenKind.PrintEnd);
                    break;
                default:
                    if (_stream.Current.Kind == TokenKind.Name && ends.Contains(_stream.Current.Text)) return [.. body];
                    _stream.Enter();
                    body.Add(Tag());
                    _stream.Leave();
                    _stream.Expect(TokenKind.BlockEnd);
                    break;
            }
        }

        if (ends.Length > 0) throw new JinjaException($"a block has no end '{{% {ends[^1]} %}}'", start);
        return [.. body];
    }

    /// <summary>A body after its opening tag's end, with its ending tag's name taken.</summary>
    private Statement[] BodyTo(string end)
    {
        _stream.Expect(TokenKind.BlockEnd);
        Statement[] body = Body(end);
        _stream.Next();
        return body;
    }

    private Statement Tag()
    {
        Token tag = _stream.Current;
        string name = _stream.ExpectName();
        return name switch
        {
            "if" => IfTag(tag.Line),
            "for" => ForTag(tag.Line),
            "set" => SetTag(tag.Line),
            "macro" => MacroTag(tag.Line),
            "call" => CallTag(tag.Line),
            "filter" => FilterTag(tag.Line),
            "with" => WithTag(tag.Line),
            "generation" => new With(tag.Line, [], BodyTo("endgeneration")),
            "break" or "continue" when !_insideLoop => throw new JinjaException($"'{name}' stands outside a loop", tag.Line),
            "break" => new Jump(tag.Line, Flow.Break),
            "continue" => new Jump(tag.Line, Flow.Continue),
            _ when name.StartsWith("end", StringComparison.Ordinal) || name is "else" or "elif"
                => throw new JinjaException($"the tag '{name}' ends nothing that is open", tag.Line),
            _ => throw new JinjaException($"the tag '{name}' is not supported", tag.Line),
        };
    }

    private If IfTag(int line)
    {
        List<(Expression, Statement[])> branches = [];
        do
        {
            Expression condition = _expressions.ExpressionOrTuple(conditional: false);
            _stream.Expect(TokenKind.BlockEnd);
            branches.Add((condition, Body("elif", "else", "endif")));
        }
        while (_stream.SkipName("elif"));
        Statement[] otherwise = _stream.SkipName("else") ? BodyTo("endif") : TakeEnd();
        return new If(line, [.. branches], otherwise);
    }

    private Statement[] TakeEnd()
    {
        _stream.Next();
        return [];
    }

    private For ForTag(int line)
    {
        Target target = TargetList(namespaces: false);
        _stream.ExpectName("in");
        Expression items = _expressions.ExpressionOrTuple(conditional: false);
        Expression? filter = _stream.SkipName("if") ? _expressions.Expression() : null;
        if (_stream.Current.IsName("recursive")) throw new JinjaException("recursive loops are not supported", line);
        _stream.Expect(TokenKind.BlockEnd);
        bool outer = _insideLoop;
        _insideLoop = true;
        Statement[] body = Body("else", "endfor");
        _insideLoop = outer;
        Statement[] otherwise = _stream.SkipName("else") ? BodyTo("endfor") : TakeEnd();
        return new For(line, target, items, filter, body, otherwise);
    }

    private Statement SetTag(int line)
    {
        Target target = TargetList(namespaces: true);
        if (_stream.SkipOperator("=")) return new Set(line, target, _expressions.ExpressionOrTuple());
        Expression value = _expressions.Filters(new NameLookup(line, Names.Captured), barOmitted: false);
        return new SetBlock(line, target, value, BodyTo("endset"));
    }

    private Macro MacroTag(int line)
    {
        string name = AssignableName();
        return new Macro(line, name, Signature(), OutsideLoop("endmacro"));
    }

    private CallBlock CallTag(int line)
    {
        MacroSignature signature = _stream.Current.IsOperator("(") ? Signature() : new MacroSignature([], []);
        if (_expressions.Expression() is not Call target) throw new JinjaException("a call block needs a call of a macro", line);
        return new CallBlock(line, signature, target, OutsideLoop("endcall"));
    }

    private FilterBlock FilterTag(int line)
    {
        Expression value = _expressions.Filters(new NameLookup(line, Names.Captured), barOmitted: true);
        return new FilterBlock(line, value, BodyTo("endfilter"));
    }

    private With WithTag(int line)
    {
        List<(Target, Expression)> assignments = [];
        while (_stream.Current.Kind != TokenKind.BlockEnd)
        {
            if (assignments.Count > 0) _stream.ExpectOperator(",");
            Target target = SingleTarget(namespaces: false);
            _stream.ExpectOperator("=");
            assignments.Add((target, _expressions.Expression()));
        }

        return new With(line, [.. assignments], BodyTo("endwith"));
    }

    private Statement[] OutsideLoop(string end)
    {
        bool outer = _insideLoop;
        _insideLoop = false;
        Statement[] body = BodyTo(end);
        _insideLoop = outer;
        return body;
    }

    private MacroSignature Signature()
    {
        _stream.ExpectOperator("(");
        List<string> names = [];
        List<Expression?> defaults = [];
        while (!_stream.Current.IsOperator(")"))
        {
            if (names.Count > 0) _stream.ExpectOperator(",");
            int line = _stream.Line;
            string name = AssignableName();
            if (names.Contains(name)) throw new JinjaException($"the parameter '{name}' is named twice", line);
            names.Add(name);
            defaults.Add(_stream.SkipOperator("=") ? _expressions.Expression() : null);
            if (defaults[^1] is null && defaults.Count > 1 && defaults[^2] is not null)
                throw new JinjaException($"the parameter '{name}' needs a default, as those before it have one", line);
        }

        _stream.Next();
        return new MacroSignature([.. names], [.. defaults]);
    }

    private Target TargetList(bool namespaces)
    {
        List<Target> targets = [SingleTarget(namespaces)];
        bool tuple = false;
        while (_stream.SkipOperator(","))
        {
            tuple = true;
            if (_stream.Current.IsName("in") || _stream.Current.IsOperator("=") || _stream.Current.IsOperator(")")) break;
            targets.Add(SingleTarget(namespaces));
        }

        return tuple ? new TupleTarget([.. targets]) : targets[0];
    }

    private Target SingleTarget(bool namespaces)
    {
        if (_stream.SkipOperator("("))
        {
            _stream.Enter();
            Target inner = TargetList(namespaces: false);
            _stream.Leave();
            _stream.ExpectOperator(")");
            return inner;
        }

        string name = AssignableName();
        return namespaces && _stream.SkipOperator(".") ? new AttributeTarget(name, _stream.ExpectName()) : new NameTarget(name);
    }

    private string AssignableName()
    {
        int line = _stream.Line;
        string name = _stream.ExpectName();
        return name is "true" or "false" or "none" or "True" or "False" or "None"
            ? throw new JinjaException($"'{name}' cannot be assigned to", line)
            : name;
    }
}
