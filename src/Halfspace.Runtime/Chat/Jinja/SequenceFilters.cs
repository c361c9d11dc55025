using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Filters on lists, and on what can be gone through like one.</summary>
internal static class SequenceFilters
{
    public static Value Length(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("length");
        return new IntegerValue(input switch
        {
            StringValue text => PythonText.Count(text.Text),
            ListValue list => list.Items.Count,
            MappingValue map => map.Count,
            UndefinedValue => 0,
            _ => throw new JinjaException($"a value of type '{input.TypeName}' has no length"),
        });
    }

    public static Value First(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("first");
        return Iteration.Items(input, interpreter.Budget) is [Value first, ..] ? first : new UndefinedValue("there is no first item");
    }

    public static Value Last(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("last");
        return Iteration.Items(input, interpreter.Budget) is [.., Value last] ? last : new UndefinedValue("there is no last item");
    }

    public static Value Join(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("join", "d", "attribute");
        Budget budget = interpreter.Budget;
        return Join(Iteration.Items(input, budget), a[0] is null ? "" : Printer.Text(a[0]!, budget), budget, item =>
            a[1] is null or NoneValue ? item : Lookup.Path(item, a[1]!, budget));
    }

    public static StringValue Join(IReadOnlyList<Value> items, string separator, Budget budget, Func<Value, Value> select)
    {
        StringBuilder text = new();
        for (int i = 0; i < items.Count; i++)
        {
            string next = Printer.Text(select(items[i]), budget);
            budget.Room((long)text.Length + next.Length + separator.Length);
            budget.Spend(1 + next.Length + separator.Length);
            if (i > 0) text.Append(separator);
            text.Append(next);
        }

        return new StringValue(text.ToString());
    }

    public static Value Reverse(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("reverse");
        if (input is StringValue) return Slicing.Slice(input, null, null, -1, interpreter.Budget);
        IReadOnlyList<Value> items = Iteration.Items(input, interpreter.Budget);
        return Slicing.Slice(new ListValue(items), null, null, -1, interpreter.Budget);
    }

    public static Value Batch(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("batch", "linecount", "fill_with");
        if (a[0] is null) throw new JinjaException("'batch' needs a number of items");
        long size = Number.Require(a[0]!, "the number of items in 'batch'");
        if (size is < 1 or > Limits.RangeLength)
            throw new JinjaException($"the number of items in 'batch' must be between 1 and {Limits.RangeLength}");
        IReadOnlyList<Value> items = Iteration.Items(input, interpreter.Budget);
        interpreter.Budget.Elements((items.Count * 4L) + size);
        List<Value> batches = [];
        for (int i = 0; i < items.Count; i += (int)size)
        {
            List<Value> batch = [.. items.Skip(i).Take((int)size)];
            while (a[1] is not (null or NoneValue) && batch.Count < size) batch.Add(a[1]!);
            batches.Add(new ListValue(batch));
        }

        return new ListValue(batches);
    }

    public static Value Sum(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("sum", "attribute", "start");
        Value sum = a[1] ?? new IntegerValue(0);
        foreach (Value item in Iteration.Items(input, interpreter.Budget))
        {
            interpreter.Budget.Spend(1);
            Value term = a[0] is null or NoneValue ? item : Lookup.Path(item, a[0]!, interpreter.Budget);
            sum = Operators.Apply(BinaryOperator.Add, sum, term, interpreter);
        }

        return sum;
    }
}
