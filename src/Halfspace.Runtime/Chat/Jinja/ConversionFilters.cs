namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Filters that turn a value into another type, and those of numbers.</summary>
internal static class ConversionFilters
{
    public static Value ToJson(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        string? indent = a[1] switch
        {
            null or NoneValue => null,
            StringValue text => text.Text,
            _ => new string(' ', (int)Math.Clamp(Number.Require(a[1]!, "the indentation of 'tojson'"), 0, 1000)),
        };
        string item = indent is null ? ", " : ",", key = ": ";
        if (a[2] is not (null or NoneValue))
        {
            if (a[2] is not ListValue { Items: [StringValue first, StringValue second] })
                throw new JinjaException("the separators of 'tojson' must be two texts");
            (item, key) = (first.Text, second.Text);
        }

        interpreter.Budget.Spend(item.Length + key.Length);
        return new StringValue(new Json(interpreter.Budget, item, key, indent, a[0]?.IsTrue ?? false, a[3]?.IsTrue ?? false).Write(input));
    }

    public static Value ToInteger(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("int", "default", "base");
        Value otherwise = a[0] ?? new IntegerValue(0);
        if (input is UndefinedValue undefined) throw undefined.Failure();
        if (Number.TryRead(input, out long integer)) return new IntegerValue(integer);
        if (input is StringValue text)
        {
            interpreter.Budget.Spend(text.Text.Length);
            long numberBase = a[1] is null ? 10 : Number.Require(a[1]!, "the base of 'int'");
            if (numberBase is < 0 or 1 or > 36) throw new JinjaException("the base of 'int' must be 0 or between 2 and 36");
            if (Number.TryParseInteger(text.Text, (int)numberBase, out integer)) return new IntegerValue(integer);
        }

        return Float(input) is double number && Math.Abs(number) < 9.2e18 ? new IntegerValue((long)number) : otherwise;
    }

    public static Value ToFloat(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("float", "default");
        if (input is UndefinedValue undefined) throw undefined.Failure();
        return Float(input) is double number ? new FloatValue(number) : a[0] ?? new FloatValue(0);
    }

    public static Value ToList(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("list");
        return new ListValue(Iteration.Items(input, interpreter.Budget));
    }

    public static Value Items(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("items");
        return input switch
        {
            MappingValue map => Iteration.Entries(map, interpreter.Budget),
            UndefinedValue => new ListValue([]),
            _ => throw new JinjaException($"'items' needs a mapping, not a value of type '{input.TypeName}'"),
        };
    }

    public static Value Default(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("default", "default_value", "boolean");
        bool replaced = input is UndefinedValue || ((a[1]?.IsTrue ?? false) && !input.IsTrue);
        return replaced ? a[0] ?? StringValue.Empty : input;
    }

    public static Value Attribute(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("attr", "name");
        return a[0] is StringValue name ? Lookup.Method(input, name.Text)
            : throw new JinjaException("'attr' needs the name of an attribute");
    }

    public static Value Absolute(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("abs");
        if (input is FloatValue number) return new FloatValue(Math.Abs(number.Number));
        return Number.Checked(Int128.Abs(Number.Require(input, "the input of 'abs'")));
    }

    public static Value Round(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("round", "precision", "method");
        long precision = a[0] is null ? 0 : Number.Require(a[0]!, "the precision of 'round'");
        if (input is UndefinedValue undefined) throw undefined.Failure();
        if (!Number.TryRead(input, out double number))
            throw new JinjaException($"'round' needs a number, not a value of type '{input.TypeName}'");
        if (Math.Abs(precision) > 300) throw new JinjaException("the precision of 'round' must be between -300 and 300");
        switch (a[1])
        {
            case null or StringValue { Text: "common" }:
                if (precision >= 0 && Number.TryRead(input, out long integer)) return new IntegerValue(integer);
                double rounded = precision is >= 0 and <= 15 ? Math.Round(number, (int)precision, MidpointRounding.ToEven)
                    : precision > 15 ? number
                    : Math.Round(number / Math.Pow(10, -precision), MidpointRounding.ToEven) * Math.Pow(10, -precision);
                return input is FloatValue || Math.Abs(rounded) > 9e18 ? new FloatValue(rounded) : new IntegerValue((long)rounded);
            case StringValue { Text: "ceil" or "floor" } method:
                double scale = Math.Pow(10, precision), scaled = number * scale;
                return new FloatValue((method.Text == "ceil" ? Math.Ceiling(scaled) : Math.Floor(scaled)) / scale);
            default:
                throw new JinjaException("the method of 'round' must be 'common', 'ceil' or 'floor'");
        }
    }

    private static double? Float(Value value) => Number.TryRead(value, out double number) ? number
        : value is StringValue text && Number.TryParseFloat(text.Text, out number) ? number
        : null;
}
