namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Expressions, from the loosest binding to the tightest. Primaries and postfixes are in the other part.</summary>
internal sealed partial class ExpressionParser(TokenStream stream)
{
    /// <summary>One expression; conditional if 'a if b else c' may stand here.</summary>
    public Expression Expression(bool conditional = true)
    {
        stream.Enter();
        Expression result = conditional ? Conditional() : Or();
        stream.Leave();
        return result;
    }

    /// <summary>One expression, or several with commas between as a tuple.</summary>
    public Expression ExpressionOrTuple(bool conditional = true, bool emptyAllowed = false)
    {
        int line = stream.Line;
        List<Expression> items = [];
        bool tuple = false;
        while (!AtTupleEnd())
        {
            items.Add(Expression(conditional));
            if (!stream.Current.IsOperator(",")) break;
            stream.Next();
            tuple = true;
        }

        if (items.Count == 0 && !emptyAllowed) throw stream.Unexpected("an expression");
        return items.Count == 1 && !tuple ? items[0] : new ListLiteral(line, [.. items], IsTuple: true);
    }

    private bool AtTupleEnd() =>
        stream.Current.Kind is TokenKind.PrintEnd or TokenKind.BlockEnd or TokenKind.End || stream.Current.IsOperator(")");

    private Expression Conditional()
    {
        Expression value = Or();
        while (stream.Current.IsName("if"))
        {
            int line = stream.Next().Line;
            Expression condition = Or();
            Expression? otherwise = stream.SkipName("else") ? Expression() : null;
            value = new Conditional(line, condition, value, otherwise);
        }

        return value;
    }

    private Expression Or()
    {
        Expression left = And();
        while (stream.Current.IsName("or")) left = new Logical(stream.Next().Line, false, left, And());
        return left;
    }

    private Expression And()
    {
        Expression left = Not();
        while (stream.Current.IsName("and")) left = new Logical(stream.Next().Line, true, left, Not());
        return left;
    }

    private Expression Not()
    {
        if (!stream.Current.IsName("not")) return Comparison();
        stream.Enter();
        Unary result = new(stream.Next().Line, UnaryOperator.Not, Not());
        stream.Leave();
        return result;
    }

    private Expression Comparison()
    {
        int line = stream.Line;
        Expression first = Sum();
        List<(CompareOperator, Expression)> rest = [];
        while (CompareOperatorHere() is CompareOperator operation)
        {
            stream.Next();
            if (operation == CompareOperator.NotIn) stream.Next();
            rest.Add((operation, Sum()));
        }

        return rest.Count == 0 ? first : new Comparisons(line, first, [.. rest]);
    }

    private CompareOperator? CompareOperatorHere() => stream.Current switch
    {
        { Kind: TokenKind.Operator, Text: "==" } => CompareOperator.Equal,
        { Kind: TokenKind.Operator, Text: "!=" } => CompareOperator.NotEqual,
        { Kind: TokenKind.Operator, Text: "<" } => CompareOperator.Less,
        { Kind: TokenKind.Operator, Text: "<=" } => CompareOperator.LessOrEqual,
        { Kind: TokenKind.Operator, Text: ">" } => CompareOperator.Greater,
        { Kind: TokenKind.Operator, Text: ">=" } => CompareOperator.GreaterOrEqual,
        { Kind: TokenKind.Name, Text: "in" } => CompareOperator.In,
        { Kind: TokenKind.Name, Text: "not" } when stream.Following.IsName("in") => CompareOperator.NotIn,
        _ => null,
    };

    private Expression Sum()
    {
        Expression left = Concatenation();
        while (stream.Current is { Kind: TokenKind.Operator, Text: "+" or "-" })
        {
            Token sign = stream.Next();
            left = new Binary(sign.Line, sign.Text == "+" ? BinaryOperator.Add : BinaryOperator.Subtract, left, Concatenation());
        }

        return left;
    }

    private Expression Concatenation()
    {
        int line = stream.Line;
        List<Expression> parts = [Product()];
        while (stream.SkipOperator("~")) parts.Add(Product());
        return parts.Count == 1 ? parts[0] : new Concatenation(line, [.. parts]);
    }

    private Expression Product()
    {
        Expression left = Power();
        while (stream.Current is { Kind: TokenKind.Operator, Text: "*" or "/" or "//" or "%" })
        {
            Token sign = stream.Next();
            BinaryOperator operation = sign.Text switch
            {
                "*" => BinaryOperator.Multiply,
                "/" => BinaryOperator.Divide,
                "//" => BinaryOperator.FloorDivide,
                _ => BinaryOperator.Modulo,
            };
            left = new Binary(sign.Line, operation, left, Power());
        }

        return left;
    }

    private Expression Power()
    {
        Expression left = Prefix(filters: true);
        while (stream.Current.IsOperator("**"))   // from the left, unlike Python
            left = new Binary(stream.Next().Line, BinaryOperator.Power, left, Prefix(filters: true));
        return left;
    }

    /// <summary>Filters and tests bind looser than a sign: -x|abs is the filter of -x.</summary>
    private Expression Prefix(bool filters)
    {
        Expression value;
        if (stream.Current is { Kind: TokenKind.Operator, Text: "-" or "+" })
        {
            stream.Enter();
            Token sign = stream.Next();
            value = new Unary(sign.Line, sign.Text == "-" ? UnaryOperator.Negate : UnaryOperator.Plus, Prefix(filters: false));
            stream.Leave();
        }
        else
        {
            value = Primary();
        }

        value = Postfixes(value);
        return filters ? FiltersAndTests(value) : value;
    }
}
