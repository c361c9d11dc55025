namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>A node of an expression tree; Line is where it stands, from 1.</summary>
internal abstract record Expression(int Line);

internal sealed record Literal(int Line, Value Value) : Expression(Line);

internal sealed record NameLookup(int Line, string Name) : Expression(Line);

internal sealed record ListLiteral(int Line, Expression[] Items, bool IsTuple) : Expression(Line);

internal sealed record MappingLiteral(int Line, (Expression Key, Expression Value)[] Entries) : Expression(Line);

internal sealed record AttributeLookup(int Line, Expression Target, string Name) : Expression(Line);

internal sealed record ItemLookup(int Line, Expression Target, Expression Key) : Expression(Line);

internal sealed record SliceLookup(int Line, Expression Target, Expression? Start, Expression? Stop, Expression? Step) : Expression(Line);

internal sealed record Call(int Line, Expression Target, CallArguments Arguments) : Expression(Line);

internal sealed record FilterCall(int Line, Expression Input, string Name, CallArguments Arguments) : Expression(Line);

internal sealed record TestCall(int Line, Expression Input, string Name, CallArguments Arguments) : Expression(Line);

internal sealed record Unary(int Line, UnaryOperator Operator, Expression Operand) : Expression(Line);

internal sealed record Binary(int Line, BinaryOperator Operator, Expression Left, Expression Right) : Expression(Line);

internal sealed record Logical(int Line, bool IsAnd, Expression Left, Expression Right) : Expression(Line);

internal sealed record Concatenation(int Line, Expression[] Parts) : Expression(Line);

internal sealed record Comparisons(int Line, Expression First, (CompareOperator Operator, Expression Operand)[] Rest) : Expression(Line);

/// <summary>'a if c else b'; undefined if c is false and there is no else.</summary>
internal sealed record Conditional(int Line, Expression Condition, Expression Then, Expression? Else) : Expression(Line);

/// <summary>The arguments of a call as written; Spread and NamedSpread are *x and **x.</summary>
internal sealed record CallArguments(
    Expression[] Positional, (string Name, Expression Value)[] Named, Expression? Spread, Expression? NamedSpread)
{
    public static readonly CallArguments None = new([], [], null, null);
}

internal enum UnaryOperator
{
    Not,
    Negate,
    Plus,
}

internal enum BinaryOperator
{
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
}

internal enum CompareOperator
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}
