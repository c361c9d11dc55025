using System.Text.Json;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>What some schemas without alternatives ask for together.</summary>
internal sealed class SchemaShape
{
    private static readonly HashSet<string> _annotations =
    [
        "$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "example", "deprecated", "readOnly",
        "writeOnly", "contentEncoding", "contentMediaType", "strict",
    ];

    // Keywords of alternatives and references, which the compiler has resolved.
    private static readonly HashSet<string> _structure = ["$ref", "allOf", "anyOf", "oneOf"];

    public SchemaTypes Types { get; private set; } = SchemaTypes.All;

    /// <summary>The values of enum and const, or null.</summary>
    public List<JsonElement>? Values { get; private set; }

    public NumberRange Range { get; } = new();

    public int LeastLength { get; private set; }

    public int MostLength { get; private set; } = -1;

    public SchemaPart? Pattern { get; private set; }

    /// <summary>What kind of string it is, if that is said.</summary>
    public string? Format { get; private set; }

    /// <summary>Each property's schemas, in order.</summary>
    public OrderedDictionary<string, List<SchemaPart>> Properties { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Required { get; } = new(StringComparer.Ordinal);

    /// <summary>The schema of other properties, if it is given.</summary>
    public SchemaPart? Additional { get; private set; }

    public List<SchemaPart> First { get; private set; } = [];

    public SchemaPart? Items { get; private set; }

    public int LeastItems { get; private set; }

    public int MostItems { get; private set; } = -1;

    /// <summary>The types that values can really have.</summary>
    public SchemaTypes EffectiveTypes => Values is null ? Types : Values.Aggregate(SchemaTypes.None, (types, value) => types | TypeOf(value));

    private bool HasArrayKeywords => Items is not null || First.Count > 0;

    /// <summary>Whether a schema has nothing but annotations beside some keywords.</summary>
    public static bool IsOnly(SchemaPart schema, params string[] keywords) =>
        schema.IsObject && schema.Members().TrueForAll(member => Array.IndexOf(keywords, member.Name) >= 0 || IsAnnotation(member.Name));

    /// <summary>Merges schemas that must all hold. Nothing satisfies them if their types or values exclude each other.</summary>
    public static SchemaShape Merge(IEnumerable<SchemaPart> parts)
    {
        SchemaShape shape = new();
        foreach (SchemaPart part in parts) shape.Add(part);
        if (shape.Values is not null) shape.Values = [.. shape.Values.Where(shape.Admits)];
        return shape;
    }

    private void Add(SchemaPart schema)
    {
        if (schema.Schema.ValueKind == JsonValueKind.True) return;
        if (schema.Schema.ValueKind == JsonValueKind.False)
        {
            Types = SchemaTypes.None;
            return;
        }

        bool hadProperties = Properties.Count > 0 || Additional is not null;
        SchemaPart? closed = null;
        foreach ((string keyword, SchemaPart value) in schema.Members())
        {
            switch (keyword)
            {
                case "type": Types &= TypesOf(value); break;
                case "const": Restrict([value.Schema]); break;
                case "enum": Restrict([.. value.Items().Select(item => item.Schema)]); break;
                case "minimum": Range.Add(value.Schema, true, false, value.Name); break;
                case "maximum": Range.Add(value.Schema, false, false, value.Name); break;
                case "exclusiveMinimum": Range.Add(value.Schema, true, true, value.Name); break;
                case "exclusiveMaximum": Range.Add(value.Schema, false, true, value.Name); break;
                case "minLength": LeastLength = Math.Max(LeastLength, value.Count()); break;
                case "maxLength": MostLength = Tighter(MostLength, value.Count()); break;
                case "minItems": LeastItems = Math.Max(LeastItems, value.Count()); break;
                case "maxItems": MostItems = Tighter(MostItems, value.Count()); break;
                case "pattern":
                    if (Pattern is not null) throw value.Unsupported("is a second pattern of one value, which is not supported");
                    value.Text();
                    Pattern = value;
                    break;
                case "format": Format = value.Text(); break;
                case "properties":
                    foreach ((string name, SchemaPart property) in value.Members())
                    {
                        if (!Properties.TryGetValue(name, out List<SchemaPart>? schemas)) Properties[name] = schemas = [];
                        schemas.Add(property);
                    }

                    break;
                case "required":
                    foreach (SchemaPart name in value.Items()) Required.Add(name.Text());
                    break;
                case "additionalProperties":
                    closed = value;
                    break;
                case "items" or "prefixItems":
                    if (keyword == "items" && value.Schema.ValueKind == JsonValueKind.Array)
                        throw value.Unsupported("is a list, which draft 2020-12 calls 'prefixItems'");
                    if (HasArrayKeywords && !schema.TryGet(keyword == "items" ? "prefixItems" : "items", out _))
                        throw value.Unsupported("is given twice for one value through 'allOf' or '$ref', which is not supported");
                    if (keyword == "items") Items = value;
                    else First = value.Items();
                    break;
                default:
                    if (IsAnnotation(keyword) || _structure.Contains(keyword)) break;
                    throw value.Unsupported("uses a keyword that constrained generation does not support");
            }
        }

        // Which properties are further ones depends on the schema that says so: two such schemas do not merge.
        bool isOpen = closed is null || closed.Value.Schema.ValueKind == JsonValueKind.True;
        if (Additional is { } before && before.Schema.ValueKind != JsonValueKind.True && schema.TryGet("properties", out SchemaPart more))
            throw more.Unsupported("adds properties to an object that is closed by 'additionalProperties' elsewhere, which is not supported");
        if (hadProperties && !isOpen)
            throw closed!.Value.Unsupported("closes an object that has properties elsewhere, which is not supported");
        if (closed is not null && (Additional is null || !isOpen)) Additional = closed;
    }

    private static bool IsAnnotation(string keyword) => _annotations.Contains(keyword) || keyword.StartsWith("x-", StringComparison.Ordinal);

    private static int Tighter(int most, int other) => most < 0 ? other : Math.Min(most, other);

    private static SchemaTypes TypesOf(SchemaPart type) => type.Schema.ValueKind == JsonValueKind.Array
        ? type.Items().Aggregate(SchemaTypes.None, (types, one) => types | TypeOf(one))
        : TypeOf(type);

    private static SchemaTypes TypeOf(SchemaPart type) => type.Text() switch
    {
        "null" => SchemaTypes.Null,
        "boolean" => SchemaTypes.Boolean,
        "integer" => SchemaTypes.Integer,
        "number" => SchemaTypes.Number,
        "string" => SchemaTypes.String,
        "array" => SchemaTypes.Array,
        "object" => SchemaTypes.Object,
        _ => throw type.Malformed("one of JSON's types"),
    };

    private static SchemaTypes TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => SchemaTypes.Null,
        JsonValueKind.True or JsonValueKind.False => SchemaTypes.Boolean,
        JsonValueKind.Number => (value.TryGetDecimal(out decimal number) ? number == decimal.Truncate(number) : value.GetDouble() % 1 == 0)
            ? SchemaTypes.Integer : SchemaTypes.Fraction,
        JsonValueKind.String => SchemaTypes.String,
        JsonValueKind.Array => SchemaTypes.Array,
        _ => SchemaTypes.Object,
    };

    private void Restrict(List<JsonElement> values) =>
        Values = Values is null ? values : [.. Values.Where(mine => values.Exists(other => JsonElement.DeepEquals(mine, other)))];

    /// <summary>Whether a listed value satisfies the other keywords.</summary>
    private bool Admits(JsonElement value)
    {
        if ((Types & TypeOf(value)) == 0) return false;
        switch (value.ValueKind)
        {
            case JsonValueKind.Number:
                return !Range.IsBounded || Range.Contains(value, "'enum' or 'const'");
            case JsonValueKind.String:
                if (Pattern is { } pattern) throw pattern.Unsupported("stands beside an 'enum' or 'const'");
                int length = value.GetString()!.EnumerateRunes().Count();
                return length >= LeastLength && (MostLength < 0 || length <= MostLength);
            case JsonValueKind.Array:
                if (HasArrayKeywords) throw (Items ?? First[0]).Unsupported("stands beside an 'enum' or 'const' with arrays");
                length = value.GetArrayLength();
                return length >= LeastItems && (MostItems < 0 || length <= MostItems);
            case JsonValueKind.Object:
                if (Properties.Count > 0) throw Properties.GetAt(0).Value[0].Unsupported("stands beside an 'enum' or 'const' with objects");
                if (Additional is { } additional) throw additional.Unsupported("stands beside an 'enum' or 'const' with objects");
                return Required.All(name => value.TryGetProperty(name, out _));
            default:
                return true;
        }
    }
}
