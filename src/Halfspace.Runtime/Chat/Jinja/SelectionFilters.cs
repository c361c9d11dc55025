namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>map, select, reject and their like: filters that apply a filter or a test to every item.</summary>
internal static class SelectionFilters
{
    public static Value Map(Interpreter interpreter, Value input, Arguments arguments)
    {
        IReadOnlyList<Value> items = Items(interpreter, input);
        interpreter.Budget.Elements(items.Count);
        Value[] mapped = new Value[items.Count];
        if (arguments.Positional.Count == 0)
        {
            Value?[] a = arguments.Bind("map", "attribute", "default");
            if (a[0] is null) throw new JinjaException("'map' needs the name of a filter or an attribute");
            for (int i = 0; i < mapped.Length; i++)
            {
                mapped[i] = Lookup.Path(items[i], a[0]!, interpreter.Budget);
                if (mapped[i] is UndefinedValue && a[1] is not null) mapped[i] = a[1]!;
            }

            return new ListValue(mapped);
        }

        string name = Name(arguments.Positional[0], "a filter");
        interpreter.Budget.Elements(arguments.Positional.Count);
        Arguments rest = arguments.Skip(1);
        interpreter.Enter();   // the filter may be map again
        for (int i = 0; i < mapped.Length; i++) mapped[i] = Filters.Apply(name, interpreter, items[i], rest);
        interpreter.Leave();
        return new ListValue(mapped);
    }

    /// <summary>The items that pass a test (keep) or do not; by attribute, the first argument names what of each item to test.</summary>
    public static Value Select(Interpreter interpreter, Value input, Arguments arguments, bool keep, bool byAttribute)
    {
        int first = byAttribute ? 1 : 0;
        if (arguments.Positional.Count < first) throw new JinjaException("a selection by attribute needs the attribute's name");
        string? test = arguments.Positional.Count > first ? Name(arguments.Positional[first], "a test") : null;
        interpreter.Budget.Elements(arguments.Positional.Count);
        Arguments rest = test is null ? Arguments.None : arguments.Skip(first + 1);
        List<Value> kept = [];
        foreach (Value item in Items(interpreter, input))
        {
            interpreter.Budget.Elements(1);
            Value tested = byAttribute ? Lookup.Path(item, arguments.Positional[0], interpreter.Budget) : item;
            if ((test is null ? tested.IsTrue : Tests.Holds(test, interpreter, tested, rest)) == keep) kept.Add(item);
        }

        return new ListValue(kept);
    }

    /// <summary>Whatever is false, such as none, has no items here.</summary>
    private static IReadOnlyList<Value> Items(Interpreter interpreter, Value input) =>
        input.IsTrue ? Iteration.Items(input, interpreter.Budget) : [];

    private static string Name(Value value, string what) =>
        value is StringValue name ? name.Text
        : throw new JinjaException($"the name of {what} must be text, not a value of type '{value.TypeName}'");
}
