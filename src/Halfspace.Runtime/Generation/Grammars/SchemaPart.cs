using System.Text.Json;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>What of a schema has been dealt with already.</summary>
[Flags]
internal enum SchemaDone
{
    None = 0,
    References = 1,
    AnyOf = 2,
    OneOf = 4,
}

/// <summary>A schema and where it is, as a JSON pointer.</summary>
internal readonly record struct SchemaPart(JsonElement Schema, string Path)
{
    /// <summary>What of it has been dealt with already.</summary>
    public SchemaDone Done { get; init; }

    public bool IsObject => Schema.ValueKind == JsonValueKind.Object;

    /// <summary>The value of a keyword.</summary>
    public bool TryGet(string keyword, out SchemaPart value)
    {
        value = default;
        if (!IsObject || !Schema.TryGetProperty(keyword, out JsonElement element)) return false;
        value = Of(keyword, element);
        return true;
    }

    /// <summary>What is in it by that name.</summary>
    public SchemaPart Of(string name, JsonElement element) =>
        new(element, $"{Path}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}");

    /// <summary>The members of an object.</summary>
    public List<(string Name, SchemaPart Part)> Members()
    {
        if (!IsObject) throw Malformed("an object");
        List<(string, SchemaPart)> members = [];
        foreach (JsonProperty property in Schema.EnumerateObject()) members.Add((property.Name, Of(property.Name, property.Value)));
        return members;
    }

    /// <summary>The items of an array.</summary>
    public List<SchemaPart> Items()
    {
        if (Schema.ValueKind != JsonValueKind.Array) throw Malformed("an array");
        List<SchemaPart> items = [];
        foreach (JsonElement item in Schema.EnumerateArray()) items.Add(Of($"{items.Count}", item));
        return items;
    }

    public string Text() => Schema.ValueKind == JsonValueKind.String ? Schema.GetString()! : throw Malformed("a string");

    public int Count() => Schema.ValueKind == JsonValueKind.Number && Schema.TryGetDouble(out double value) && value >= 0 && value == Math.Floor(value)
        ? (int)Math.Min(value, int.MaxValue)
        : throw Malformed("a whole number of at least 0");

    public ModelException Malformed(string expected) => new($"The schema's {Name} is not {expected}; correct the schema.");

    public ModelException Unsupported(string why) => new($"The schema's {Name} {why}; write the schema without it.");

    /// <summary>How messages name it.</summary>
    public string Name => Path.Length == 0 ? "root" : $"'{Path}'";
}
