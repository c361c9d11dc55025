using System.Collections;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Turns .NET values into the language's.</summary>
internal static class Import
{
    private const int Nesting = 64;

    public static ListValue Messages(IReadOnlyList<ChatTurn> messages)
    {
        Value[] items = new Value[messages.Count];
        for (int i = 0; i < items.Length; i++)
        {
            MappingValue message = new();
            message.Set(new StringValue("role"), new StringValue(messages[i].Role ?? ""));
            message.Set(new StringValue("content"), new StringValue(messages[i].Content ?? ""));
            items[i] = message;
        }

        return new ListValue(items);
    }

    public static Value Value(object? value) => Value(value, 0);

    /// <summary>The characters in a value, and its elements.</summary>
    public static long Length(Value value) => value switch
    {
        StringValue text => text.Text.Length,
        ListValue list => list.Items.Sum(Length) + list.Items.Count,
        MappingValue map => map.Entries.Sum(e => Length(e.Key) + Length(e.Value) + 1),
        _ => 1,
    };

    private static Value Value(object? value, int depth)
    {
        if (depth > Nesting) throw new ArgumentException($"A template variable nests more than {Nesting} levels deep.", nameof(value));
        return value switch
        {
            null => NoneValue.Instance,
            string text => new StringValue(text),
            bool flag => BooleanValue.Of(flag),
            int number => new IntegerValue(number),
            long number => new IntegerValue(number),
            float number => new FloatValue(number),
            double number => new FloatValue(number),
            IEnumerable<KeyValuePair<string, object?>> map => Mapping(map, depth),
            IEnumerable list => new ListValue(list.Cast<object?>().Select(item => Value(item, depth + 1)).ToArray()),
            _ => throw new ArgumentException(
                $"A template variable of type {value.GetType()} cannot be given to a template; give text, numbers, booleans, lists or " +
                "dictionaries of these.",
                nameof(value)),
        };
    }

    private static MappingValue Mapping(IEnumerable<KeyValuePair<string, object?>> map, int depth)
    {
        MappingValue result = new();
        foreach ((string key, object? item) in map) result.Set(new StringValue(key), Value(item, depth + 1));
        return result;
    }
}
