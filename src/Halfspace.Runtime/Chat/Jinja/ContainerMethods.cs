namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The methods of mappings and lists. Those that would change them are refused, as in transformers' immutable sandbox.</summary>
internal static class ContainerMethods
{
    public static Value? Find(MappingValue map, string name) => name switch
    {
        "get" => new FunctionValue(name, (_, arguments) =>
        {
            Value?[] a = arguments.Bind("get", "key", "default");
            if (a[0] is null) throw new JinjaException("'get' needs a key");
            return map.TryGet(a[0]!, out Value? value) ? value : a[1] ?? NoneValue.Instance;
        }),
        "items" => new FunctionValue(name, (interpreter, arguments) =>
            Bound(arguments, "items", () => Iteration.Entries(map, interpreter.Budget))),
        "keys" => new FunctionValue(name, (interpreter, arguments) =>
            Bound(arguments, "keys", () => new ListValue(Iteration.Items(map, interpreter.Budget)))),
        "values" => new FunctionValue(name, (interpreter, arguments) => Bound(arguments, "values", () =>
        {
            interpreter.Budget.Elements(map.Count);
            return new ListValue([.. map.Entries.Select(e => e.Value)]);
        })),
        "copy" => new FunctionValue(name, (_, arguments) => Bound(arguments, "copy", () => map)),
        "clear" or "pop" or "popitem" or "setdefault" or "update" => Refused(map, name),
        _ => null,
    };

    public static Value? Find(ListValue list, string name) => name switch
    {
        "index" => new FunctionValue(name, (interpreter, arguments) =>
        {
            Value item = arguments.Bind("index", "value")[0] ?? throw new JinjaException("'index' needs a value");
            for (int i = 0; i < list.Items.Count; i++)
                if (Comparison.AreEqual(list.Items[i], item, interpreter.Budget)) return new IntegerValue(i);
            throw new JinjaException("the value to find is not in the list");
        }),
        "count" => new FunctionValue(name, (interpreter, arguments) =>
        {
            Value item = arguments.Bind("count", "value")[0] ?? throw new JinjaException("'count' needs a value");
            return new IntegerValue(list.Items.Count(other => Comparison.AreEqual(other, item, interpreter.Budget)));
        }),
        "copy" when !list.IsTuple => new FunctionValue(name, (_, arguments) => Bound(arguments, "copy", () => list)),
        "append" or "clear" or "extend" or "insert" or "pop" or "remove" or "reverse" or "sort" when !list.IsTuple => Refused(list, name),
        _ => null,
    };

    private static Value Bound(Arguments arguments, string name, Func<Value> method)
    {
        arguments.Bind(name);
        return method();
    }

    private static UndefinedValue Refused(Value target, string name) =>
        new($"'{name}' would change a value of type '{target.TypeName}', which templates may not do");
}
