using System.Collections;
using System.Text.Json;

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
            if (messages[i].ToolCalls is { Count: > 0 } calls) message.Set(new StringValue("tool_calls"), Calls(calls));
            if (messages[i].ToolCallId is { } id) message.Set(new StringValue("tool_call_id"), new StringValue(id));
            if (messages[i].Name is { } name) message.Set(new StringValue("name"), new StringValue(name));
            items[i] = message;
        }

        return new ListValue(items);
    }

    // Templates of OpenAI's form: arguments are a mapping, or the text if it is no object's.
    private static Value Calls(IReadOnlyList<ToolCall> calls) => Value(calls.Select(call => new OrderedDictionary<string, object?>
    {
        ["id"] = call.Id,
        ["type"] = "function",
        ["function"] = new OrderedDictionary<string, object?>
        {
            ["name"] = call.Name,
            ["arguments"] = JsonTree.TryParseObject(call.Arguments, out JsonElement arguments) ? JsonTree.Of(arguments, text => text) : call.Arguments,
        },
    }));

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
