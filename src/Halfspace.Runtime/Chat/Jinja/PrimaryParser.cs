using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Literals, names and brackets, and what may follow them: attributes, items, calls, filters and tests.</summary>
internal sealed partial class ExpressionParser
{
    /// <summary>Filters in a row around their first input. In the tag filter the bar before the first one is left out.</summary>
    public Expression Filters(Expression input, bool barOmitted)
    {
        while (barOmitted || stream.Current.IsOperator("|"))
        {
            if (!barOmitted) stream.Next();
            barOmitted = false;
            int line = stream.Line;
            string name = DottedName();
            CallArguments arguments = stream.Current.IsOperator("(") ? Arguments() : CallArguments.None;
            input = new FilterCall(line, input, name, arguments);
        }

        return input;
    }

    public CallArguments Arguments()
    {
        stream.ExpectOperator("(");
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        Expression? spread = null, namedSpread = null;
        while (!stream.Current.IsOperator(")"))
        {
            if (positional.Count + named.Count > 0 || spread is not null || namedSpread is not null)
            {
                stream.ExpectOperator(",");
                if (stream.Current.IsOperator(")")) break;
            }

            if (namedSpread is null && stream.SkipOperator("**"))
                namedSpread = Expression();
            else if (spread is null && namedSpread is null && stream.SkipOperator("*"))
                spread = Expression();
            else if (namedSpread is null && stream.Current.Kind == TokenKind.Name && stream.Following.IsOperator("="))
                named.Add((NamedArgument(), Expression()));
            else if (named.Count == 0 && spread is null && namedSpread is null)
                positional.Add(Expression());
            else
                throw stream.Unexpected("a named argument");
        }

        stream.Next();
        return new CallArguments([.. positional], [.. named], spread, namedSpread);
    }

    private string NamedArgument()
    {
        string name = stream.ExpectName();
        stream.Next();
        return name;
    }

    private Expression Primary()
    {
        Token token = stream.Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                stream.Next();
                return token.Text switch
                {
                    "true" or "True" => new Literal(token.Line, BooleanValue.Of(true)),
                    "false" or "False" => new Literal(token.Line, BooleanValue.Of(false)),
                    "none" or "None" => new Literal(token.Line, NoneValue.Instance),
                    _ => new NameLookup(token.Line, token.Text),
                };
            case TokenKind.String:
                StringBuilder text = new();
                while (stream.Current.Kind == TokenKind.String) text.Append(stream.Next().Text);
                return new Literal(token.Line, new StringValue(text.ToString()));
            case TokenKind.Integer:
                stream.Next();
                return new Literal(token.Line, Integer(token));
            case TokenKind.Float:
                stream.Next();
                string digits = token.Text.Replace("_", "", StringComparison.Ordinal);
                return new Literal(token.Line, new FloatValue(double.Parse(digits, CultureInfo.InvariantCulture)));
            case TokenKind.Operator when token.Text is "(":
                stream.Next();
                Expression inner = ExpressionOrTuple(emptyAllowed: true);
                stream.ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text is "[":
                return List();
            case TokenKind.Operator when token.Text is "{":
                return Mapping();
            default:
                throw stream.Unexpected("an expression");
        }
    }

    private static IntegerValue Integer(Token token) => Number.TryParseInteger(token.Text, 0, out long number)
        ? new IntegerValue(number)
        : throw new JinjaException($"'{token.Text}' is not an integer of 64 bits", token.Line);

    private ListLiteral List()
    {
        int line = stream.Next().Line;
        List<Expression> items = [];
        while (!stream.Current.IsOperator("]"))
        {
            if (items.Count > 0) stream.ExpectOperator(",");
            if (stream.Current.IsOperator("]")) break;
            items.Add(Expression());
        }

        stream.Next();
        return new ListLiteral(line, [.. items], IsTuple: false);
    }

    private MappingLiteral Mapping()
    {
        int line = stream.Next().Line;
        List<(Expression, Expression)> entries = [];
        while (!stream.Current.IsOperator("}"))
        {
            if (entries.Count > 0) stream.ExpectOperator(",");
            if (stream.Current.IsOperator("}")) break;
            Expression key = Expression();
            stream.ExpectOperator(":");
            entries.Add((key, Expression()));
        }

        stream.Next();
        return new MappingLiteral(line, [.. entries]);
    }

    private Expression Postfixes(Expression value)
    {
        while (true)
        {
            Token token = stream.Current;
            if (token.IsOperator("."))
            {
                stream.Next();
                value = stream.Current.Kind == TokenKind.Integer
                    ? new ItemLookup(token.Line, value, new Literal(token.Line, Integer(stream.Next())))
                    : new AttributeLookup(token.Line, value, stream.ExpectName());
            }
            else if (token.IsOperator("["))
            {
                value = Subscript(value);
            }
            else if (token.IsOperator("("))
            {
                value = new Call(token.Line, value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Subscript(Expression target)
    {
        int line = stream.Next().Line;
        Expression? start = stream.Current.IsOperator(":") ? null : Expression();
        if (start is not null && stream.SkipOperator("]")) return new ItemLookup(line, target, start);
        stream.ExpectOperator(":");
        Expression? stop = SliceEnd();
        Expression? step = stream.SkipOperator(":") ? SliceEnd() : null;
        stream.ExpectOperator("]");
        return new SliceLookup(line, target, start, stop, step);
    }

    private Expression? SliceEnd() => stream.Current is { Kind: TokenKind.Operator, Text: ":" or "]" } ? null : Expression();

    private Expression FiltersAndTests(Expression value)
    {
        while (true)
        {
            Token token = stream.Current;
            if (token.IsOperator("|")) value = Filters(value, barOmitted: false);
            else if (token.IsName("is")) value = Test(value);
            else if (token.IsOperator("(")) value = new Call(token.Line, value, Arguments());
            else return value;
        }
    }

    private Expression Test(Expression value)
    {
        int line = stream.Next().Line;
        bool negated = stream.SkipName("not");
        string name = DottedName();
        CallArguments arguments = CallArguments.None;
        if (stream.Current.IsOperator("("))
        {
            arguments = Arguments();
        }
        else if (ArgumentFollows())
        {
            stream.Enter();
            arguments = new CallArguments([Postfixes(Primary())], [], null, null);
            stream.Leave();
        }

        TestCall test = new(line, value, name, arguments);
        return negated ? new Unary(line, UnaryOperator.Not, test) : test;
    }

    /// <summary>Whether a test's argument follows without brackets, as in 'is divisibleby 3'.</summary>
    private bool ArgumentFollows() => stream.Current switch
    {
        { Kind: TokenKind.String or TokenKind.Integer or TokenKind.Float } => true,
        { Kind: TokenKind.Operator, Text: "[" or "{" } => true,
        { Kind: TokenKind.Name, Text: "else" or "or" or "and" or "if" } => false,
        { Kind: TokenKind.Name, Text: "is" } => throw new JinjaException("tests cannot follow one another without brackets", stream.Line),
        { Kind: TokenKind.Name } => true,
        _ => false,
    };

    private string DottedName()
    {
        string name = stream.ExpectName();
        while (stream.SkipOperator(".")) name += "." + stream.ExpectName();
        return name;
    }
}
