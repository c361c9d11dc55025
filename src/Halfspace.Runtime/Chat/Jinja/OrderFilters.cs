namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Filters that compare items. Text is compared without case unless asked.</summary>
internal static class OrderFilters
{
    public static Value Sort(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("sort", "reverse", "case_sensitive", "attribute");
        return new ListValue(Sorted(interpreter, Iteration.Items(input, interpreter.Budget), Truth(a[0]), item =>
            Key(interpreter, item, a[2], Truth(a[1]))));
    }

    public static Value SortMapping(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("dictsort", "case_sensitive", "by", "reverse");
        if (input is UndefinedValue undefined) throw undefined.Failure();
        if (input is not MappingValue map) throw new JinjaException($"'dictsort' needs a mapping, not a value of type '{input.TypeName}'");
        int side = a[1] switch
        {
            null or StringValue { Text: "key" } => 0,
            StringValue { Text: "value" } => 1,
            _ => throw new JinjaException("'dictsort' sorts by 'key' or by 'value'"),
        };
        return new ListValue(Sorted(interpreter, Iteration.Entries(map, interpreter.Budget).Items, Truth(a[2]), entry =>
            Key(interpreter, ((ListValue)entry).Items[side], null, Truth(a[0]))));
    }

    public static Value Unique(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("unique", "case_sensitive", "attribute");
        MappingValue seen = new();
        List<Value> kept = [];
        foreach (Value item in Iteration.Items(input, interpreter.Budget))
        {
            interpreter.Budget.Elements(2);
            Value key = Key(interpreter, item, a[1], Truth(a[0]));
            if (seen.TryGet(key, out _)) continue;
            seen.Set(key, key);
            kept.Add(item);
        }

        return new ListValue(kept);
    }

    /// <summary>The least item for sign -1, the greatest for 1; the first of equal ones.</summary>
    public static Value Extreme(Interpreter interpreter, Value input, Arguments arguments, int sign)
    {
        Value?[] a = arguments.Bind(sign < 0 ? "min" : "max", "case_sensitive", "attribute");
        Value? best = null, bestKey = null;
        foreach (Value item in Iteration.Items(input, interpreter.Budget))
        {
            Value key = Key(interpreter, item, a[1], Truth(a[0]));
            if (bestKey is not null && Comparison.Order(key, bestKey, interpreter.Budget) * sign <= 0) continue;
            (best, bestKey) = (item, key);
        }

        return best ?? new UndefinedValue("there is no item to choose");
    }

    private static bool Truth(Value? value) => value?.IsTrue ?? false;

    private static Value Key(Interpreter interpreter, Value item, Value? attribute, bool caseSensitive)
    {
        Value key = attribute is null or NoneValue ? item : Lookup.Path(item, attribute, interpreter.Budget);
        if (caseSensitive || key is not StringValue text) return key;
        interpreter.Budget.Text(text.Text.Length);
        return new StringValue(text.Text.ToLowerInvariant());
    }

    private static Value[] Sorted(Interpreter interpreter, IReadOnlyList<Value> items, bool reverse, Func<Value, Value> key)
    {
        interpreter.Budget.Elements(items.Count * 3L);
        (Value Key, Value Item)[] keyed = new (Value, Value)[items.Count];
        for (int i = 0; i < keyed.Length; i++) keyed[i] = (key(items[i]), items[i]);
        Sorting.Sort(keyed, (x, y) => Comparison.Order(x.Key, y.Key, interpreter.Budget) * (reverse ? -1 : 1));
        return Array.ConvertAll(keyed, k => k.Item);
    }
}
