namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>x.name and x[key]. What is missing is undefined; a method comes before an item with a dot, after it with brackets.</summary>
internal static class Lookup
{
    public static Value Attribute(Value target, string name) =>
        Own(target, name)
        ?? (target is MappingValue map && map.TryGet(name, out Value? item) ? item : null)
        ?? Missing(target, name);

    /// <summary>An attribute that is not an item.</summary>
    public static Value Method(Value target, string name) => Own(target, name) ?? Missing(target, name);

    public static Value Item(Value target, Value key, Budget budget)
    {
        if (target is UndefinedValue missing) throw missing.Failure();
        Value? item = target switch
        {
            MappingValue map => map.TryGet(key, out Value? value) ? value : null,
            ListValue list when Number.TryRead(key, out long index) => Slicing.Item(list, index),
            StringValue text when Number.TryRead(key, out long index) => Slicing.Item(text, index, budget),
            _ => null,
        };
        if (item is not null) return item;
        return key is StringValue name ? Own(target, name.Text) ?? Missing(target, name.Text)
            : new UndefinedValue($"a value of type '{target.TypeName}' has no item {Shortened(Printer.Representation(key, budget))}");
    }

    /// <summary>The item at the end of a path such as 'function.name' or 0, as filters take it.</summary>
    public static Value Path(Value target, Value path, Budget budget)
    {
        if (path is not StringValue text) return Item(target, path, budget);
        foreach (string part in text.Text.Split('.'))
        {
            bool isIndex = part.Length > 0 && part.All(char.IsAsciiDigit);
            Value key = isIndex && Number.TryParseInteger(part, 10, out long index) ? new IntegerValue(index) : new StringValue(part);
            target = Item(target, key, budget);
        }

        return target;
    }

    private static Value? Own(Value target, string name) => target switch
    {
        UndefinedValue undefined => throw undefined.Failure(),
        StringValue text => StringMethods.Find(text.Text, name),
        MappingValue map => ContainerMethods.Find(map, name),
        ListValue list => ContainerMethods.Find(list, name),
        NamespaceValue space => space.Attributes.TryGet(name, out Value? value) ? value : null,
        LoopValue loop => loop.Attribute(name),
        CyclerValue cycler => cycler.Attribute(name),
        MacroValue macro when name == "name" => new StringValue(macro.Name),
        _ => null,
    };

    private static UndefinedValue Missing(Value target, string name) =>
        new($"a value of type '{target.TypeName}' has no attribute '{Shortened(name)}'");

    private static string Shortened(string text) => text.Length > 60 ? text[..60] + "…" : text;
}
