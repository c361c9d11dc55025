using System.Text.Json.Nodes;

namespace Halfspace.Runtime.Tests.Generation.Grammars;

/// <summary>Random schemas of what is supported, which some value always satisfies.</summary>
internal sealed class RandomSchema(Random random)
{
    private static readonly string[] _names = ["a", "b", "ab", "name", "é", "x y", "_"];
    private static readonly string[] _patterns = ["^[a-c]{2,4}$", "^\\d{4}-\\d{2}$", "^(yes|no|ä+)$", "x", "^[^a]?b*$", "\\s$"];

    public JsonObject Next(int depth)
    {
        JsonObject schema = random.Next(depth > 0 ? 11 : 6) switch
        {
            0 => new JsonObject { ["type"] = "boolean" },
            1 => new JsonObject { ["type"] = new JsonArray("null", "integer") },
            2 => Number(),
            3 => Text(),
            4 => new JsonObject { ["enum"] = new JsonArray("one", "zwei ü", 3, -4.25, null, true, new JsonObject { ["k"] = new JsonArray(1, "x") }) },
            5 => new JsonObject { ["type"] = "string", ["pattern"] = _patterns[random.Next(_patterns.Length)] },
            6 or 7 => Object(depth - 1),
            8 => List(depth - 1),
            9 => new JsonObject { [random.Next(2) == 0 ? "anyOf" : "allOf"] = new JsonArray(Next(depth - 1)) },
            _ => new JsonObject { ["anyOf"] = new JsonArray(Next(depth - 1), Next(depth - 1)) },
        };
        if (random.Next(4) == 0) schema["description"] = "ein Text";
        return schema;
    }

    private JsonObject Number()
    {
        bool whole = random.Next(2) == 0;
        JsonObject schema = new() { ["type"] = whole ? "integer" : "number" };
        decimal low = random.Next(-2000, 2000), width = random.Next(0, 3000);
        if (!whole) (low, width) = (low / 16, (width / 32) + 0.1m);
        if (random.Next(2) == 0) schema["minimum"] = low;
        else if (random.Next(3) == 0) schema["exclusiveMinimum"] = low - 1;
        if (random.Next(2) == 0) schema["maximum"] = low + width;
        else if (random.Next(3) == 0) schema["exclusiveMaximum"] = low + width + 1;
        return schema;
    }

    private JsonObject Text()
    {
        JsonObject schema = new() { ["type"] = "string" };
        int least = random.Next(4);
        if (random.Next(2) == 0) schema["minLength"] = least;
        if (random.Next(2) == 0) schema["maxLength"] = least + random.Next(5);
        return schema;
    }

    private JsonObject Object(int depth)
    {
        JsonObject properties = [];
        JsonArray required = [];
        foreach (string name in _names.Where(_ => random.Next(2) == 0))
        {
            properties[name] = random.Next(8) == 0 ? new JsonObject { ["$ref"] = "#/$defs/node" } : Next(depth);
            if (random.Next(2) == 0) required.Add(name);
        }

        if (random.Next(6) == 0) required.Add("free");
        JsonObject schema = new() { ["type"] = "object", ["properties"] = properties, ["required"] = required };
        int further = random.Next(4);
        if (further == 0 && !required.Any(name => name!.GetValue<string>() == "free")) schema["additionalProperties"] = false;
        if (further == 1) schema["additionalProperties"] = true;
        if (further == 2) schema["additionalProperties"] = Next(Math.Min(depth, 1));
        return schema;
    }

    private JsonObject List(int depth)
    {
        JsonObject schema = new() { ["type"] = "array" };
        int least = random.Next(3), first = random.Next(3);
        if (first > 0) schema["prefixItems"] = new JsonArray([.. Enumerable.Range(0, first).Select(_ => Next(depth))]);
        if (random.Next(2) == 0) schema["items"] = Next(depth);
        if (random.Next(2) == 0) schema["minItems"] = least;
        if (random.Next(2) == 0) schema["maxItems"] = least + random.Next(3);
        return schema;
    }

    /// <summary>A schema with a definition that contains itself, which others may refer to.</summary>
    public JsonObject Document()
    {
        JsonObject schema = Next(3);
        schema["$defs"] = new JsonObject
        {
            ["node"] = new JsonObject
            {
                ["anyOf"] = new JsonArray(
                    new JsonObject { ["type"] = "null" },
                    new JsonObject
                    {
                        ["type"] = "object",
                        ["properties"] = new JsonObject
                        {
                            ["next"] = new JsonObject { ["$ref"] = "#/$defs/node" },
                            ["all"] = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["$ref"] = "#/$defs/node" } },
                        },
                        ["required"] = new JsonArray("next"),
                        ["additionalProperties"] = false,
                    }),
            },
        };
        return schema;
    }
}
