namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>What may follow 'is'.</summary>
internal static class Tests
{
    public static bool Holds(string name, Interpreter interpreter, Value value, Arguments arguments)
    {
        Budget budget = interpreter.Budget;
        if (CompareOperatorOf(name) is CompareOperator operation)
            return Comparison.Test(operation, value, Single(name, arguments), budget);
        switch (name)
        {
            case "divisibleby":
                return !Operators.Apply(BinaryOperator.Modulo, value, Single(name, arguments), interpreter).IsTrue;
            case "sameas":
                return IsSame(value, Single(name, arguments), budget);
        }

        arguments.Bind(name);
        return name switch
        {
            "defined" => value is not UndefinedValue,
            "undefined" => value is UndefinedValue,
            "none" => value is NoneValue,
            "string" => value is StringValue,
            "mapping" => value is MappingValue,
            "iterable" => value is StringValue or ListValue or MappingValue or UndefinedValue,
            "sequence" => value is StringValue or ListValue or MappingValue or UndefinedValue,
            "number" => value is IntegerValue or FloatValue or BooleanValue,
            "integer" => value is IntegerValue,
            "float" => value is FloatValue,
            "boolean" => value is BooleanValue,
            "true" => value is BooleanValue && value.IsTrue,
            "false" => value is BooleanValue && !value.IsTrue,
            "callable" => value is CallableValue or UndefinedValue,
            "odd" => Remainder(value, interpreter) == 1,
            "even" => Remainder(value, interpreter) == 0,
            "lower" => PythonText.IsLower(Printer.Text(value, budget)),
            "upper" => PythonText.IsUpper(Printer.Text(value, budget)),
            "filter" => value is StringValue filter && Filters.Exists(filter.Text),
            "escaped" => false,
            _ => throw new JinjaException($"the test '{name}' is not supported"),
        };
    }

    private static CompareOperator? CompareOperatorOf(string name) => name switch
    {
        "eq" or "equalto" or "==" => CompareOperator.Equal,
        "ne" or "!=" => CompareOperator.NotEqual,
        "lt" or "lessthan" or "<" => CompareOperator.Less,
        "le" or "<=" => CompareOperator.LessOrEqual,
        "gt" or "greaterthan" or ">" => CompareOperator.Greater,
        "ge" or ">=" => CompareOperator.GreaterOrEqual,
        "in" => CompareOperator.In,
        _ => null,
    };

    private static Value Single(string name, Arguments arguments) => arguments is { Positional: [Value only], Named.Count: 0 } ? only
        : throw new JinjaException($"the test '{name}' takes one argument");

    private static bool IsSame(Value left, Value right, Budget budget) =>
        ReferenceEquals(left, right)
        || (left.GetType() == right.GetType()
            && left is StringValue or IntegerValue or FloatValue && Comparison.AreEqual(left, right, budget));

    private static double Remainder(Value value, Interpreter interpreter) =>
        Number.TryRead(Operators.Apply(BinaryOperator.Modulo, value, new IntegerValue(2), interpreter), out double remainder)
            ? remainder
            : -1;
}
