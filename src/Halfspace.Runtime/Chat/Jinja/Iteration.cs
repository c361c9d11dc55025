namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>What a loop goes through: a list's items, a text's characters, a mapping's keys.</summary>
internal static class Iteration
{
    public static IReadOnlyList<Value> Items(Value value, Budget budget)
    {
        switch (value)
        {
            case ListValue list:
                return list.Items;
            case UndefinedValue:
                return [];
            case MappingValue map:
                budget.Elements(map.Count);
                return [.. map.Keys];
            case StringValue text:
                budget.Elements(text.Text.Length);
                return PythonText.Characters(text.Text).ConvertAll<Value>(c => new StringValue(c));
            default:
                throw new JinjaException($"a value of type '{value.TypeName}' has no items to go through");
        }
    }

    /// <summary>The entries of a mapping as pairs.</summary>
    public static ListValue Entries(MappingValue map, Budget budget)
    {
        budget.Elements(map.Count * 3L);
        return new ListValue([.. map.Entries.Select(e => new ListValue([e.Key, e.Value], isTuple: true))]);
    }
}
