namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The functions that every template knows.</summary>
internal static class Globals
{
    public static Scope Scope()
    {
        Scope scope = new(null);
        Add(scope, "range", Range);
        Add(scope, "dict", Dictionary);
        Add(scope, "namespace", (interpreter, arguments) => new NamespaceValue(Dictionary(interpreter, arguments)));
        Add(scope, "raise_exception", Raise);
        Add(scope, "strftime_now", Now);
        Add(scope, "joiner", (_, arguments) => new JoinerValue(arguments.Bind("joiner", "sep")[0] ?? new StringValue(", ")));
        Add(scope, "cycler", (_, arguments) => arguments.Positional.Count > 0
            ? new CyclerValue(arguments.Positional)
            : throw new JinjaException("'cycler' needs values"));
        return scope;
    }

    private static void Add(Scope scope, string name, Function function) => scope.Set(name, new FunctionValue(name, function));

    private static ListValue Range(Interpreter interpreter, Arguments arguments)
    {
        Value?[] a = arguments.Bind("range", "start", "stop", "step");
        if (a[0] is null) throw new JinjaException("'range' needs a number");
        Int128 start = a[1] is null ? 0 : Number.Require(a[0]!, "the start of 'range'");
        Int128 stop = Number.Require(a[1] ?? a[0]!, "the stop of 'range'");
        Int128 step = a[2] is null ? 1 : Number.Require(a[2]!, "the step of 'range'");
        if (step == 0) throw new JinjaException("the step of 'range' cannot be zero");
        Int128 count = Int128.Max(step > 0 ? (stop - start + step - 1) / step : (start - stop - step - 1) / -step, 0);
        if (count > Limits.RangeLength) throw new JinjaException($"a range has more than {Limits.RangeLength} numbers");
        interpreter.Budget.Elements((long)count);
        Value[] numbers = new Value[(int)count];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = new IntegerValue((long)(start + (i * step)));
        return new ListValue(numbers);
    }

    private static MappingValue Dictionary(Interpreter interpreter, Arguments arguments)
    {
        MappingValue map = new();
        if (arguments.Positional.Count > 1) throw new JinjaException("'dict' and 'namespace' take one mapping and named values");
        foreach (Value source in arguments.Positional)
        {
            IReadOnlyList<Value> entries = source is MappingValue given
                ? Iteration.Entries(given, interpreter.Budget).Items
                : Iteration.Items(source, interpreter.Budget);
            interpreter.Budget.Elements(entries.Count);
            foreach (Value entry in entries)
            {
                if (Iteration.Items(entry, interpreter.Budget) is not [Value key, Value value])
                    throw new JinjaException("'dict' needs pairs of key and value");
                map.Set(key, value);
            }
        }

        foreach ((string name, Value value) in arguments.Named) map.Set(new StringValue(name), value);
        return map;
    }

    private static Value Raise(Interpreter interpreter, Arguments arguments)
    {
        Value? message = arguments.Bind("raise_exception", "message")[0];
        throw new JinjaRefusal(message is null ? "no reason is given" : Printer.Text(message, interpreter.Budget));
    }

    private static StringValue Now(Interpreter interpreter, Arguments arguments) =>
        arguments.Bind("strftime_now", "format")[0] is StringValue format
            ? new StringValue(TimeFormat.Write(interpreter.Clock.GetLocalNow(), format.Text, interpreter.Budget))
            : throw new JinjaException("'strftime_now' needs a format");
}
