using System.Diagnostics.CodeAnalysis;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>A list or a tuple. What is an iterator in Python is a list here.</summary>
internal sealed class ListValue(IReadOnlyList<Value> items, bool isTuple = false) : Value
{
    public IReadOnlyList<Value> Items { get; } = items;

    public bool IsTuple { get; } = isTuple;

    public override string TypeName => IsTuple ? "tuple" : "list";

    public override bool IsTrue => Items.Count > 0;
}

/// <summary>A dict: keeps the order of its keys, which are strings, numbers, booleans or none.</summary>
internal sealed class MappingValue : Value
{
    private readonly OrderedDictionary<Value, Value> _entries = new(KeyComparer.Instance);

    public override string TypeName => "dict";

    public override bool IsTrue => _entries.Count > 0;

    public int Count => _entries.Count;

    public IEnumerable<Value> Keys => _entries.Keys;

    public IEnumerable<KeyValuePair<Value, Value>> Entries => _entries;

    /// <summary>Only for who builds the mapping.</summary>
    public void Set(Value key, Value value)
    {
        if (!IsKey(key)) throw new JinjaException($"a value of type '{key.TypeName}' cannot be a key of a mapping");
        _entries[key] = value;
    }

    public bool TryGet(Value key, [MaybeNullWhen(false)] out Value value)
    {
        value = null;
        return IsKey(key) && _entries.TryGetValue(key, out value);
    }

    public bool TryGet(string key, [MaybeNullWhen(false)] out Value value) => TryGet(new StringValue(key), out value);

    private static bool IsKey(Value key) => key is StringValue or IntegerValue or FloatValue or BooleanValue or NoneValue;

    private sealed class KeyComparer : IEqualityComparer<Value>
    {
        public static readonly KeyComparer Instance = new();

        public bool Equals(Value? x, Value? y) => (x, y) switch
        {
            (StringValue a, StringValue b) => a.Text == b.Text,
            (NoneValue, NoneValue) => true,
            (IntegerValue a, IntegerValue b) => a.Number == b.Number,
            _ => Number.TryRead(x!, out double a) && Number.TryRead(y!, out double b) && a.Equals(b),
        };

        public int GetHashCode(Value key) => key switch
        {
            StringValue text => string.GetHashCode(text.Text),
            _ => Number.TryRead(key, out double number) ? number.GetHashCode() : 0,
        };
    }
}

/// <summary>What namespace() gives: the one thing a template can assign to from inside a loop.</summary>
internal sealed class NamespaceValue(MappingValue attributes) : Value
{
    public MappingValue Attributes { get; } = attributes;

    public override string TypeName => "Namespace";
}
