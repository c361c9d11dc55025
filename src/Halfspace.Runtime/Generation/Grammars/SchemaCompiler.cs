using System.Text.Json;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Compiles a JSON schema to a graph of the texts that satisfy it.</summary>
internal sealed class SchemaCompiler(JsonElement root, JsonText json)
{
    private const int MostMerged = 64, MostAlternatives = 10_000, MostDepth = 128;

    private readonly Dictionary<string, int> _parts = new(StringComparer.Ordinal);
    private int _alternatives, _depth;

    private GraphBuilder Builder => json.Builder;

    /// <summary>The whole schema.</summary>
    public int Root(int next) => Root([new SchemaPart(root, "")], next);

    /// <summary>Those of the schema's values that are objects.</summary>
    public int RootObject(int next)
    {
        using JsonDocument type = JsonDocument.Parse("""{"type":"object"}""");
        return Root([new SchemaPart(root, ""), new SchemaPart(type.RootElement, "")], next);
    }

    private int Root(List<SchemaPart> schemas, int next)
    {
        try
        {
            return Value(schemas, next);
        }
        catch (InvalidOperationException e)
        {
            throw new ModelException("The schema holds a string that is not Unicode; correct the schema.", e);
        }
    }

    /// <summary>A value that satisfies all of some schemas.</summary>
    public int Value(List<SchemaPart> schemas, int next)
    {
        if (++_depth > MostDepth) throw schemas[0].Unsupported($"is nested more than {MostDepth} levels deep");
        List<SchemaPart> flat = Flatten(schemas, out SchemaPart? reference);
        int start = reference is { } target ? Builder.Call(Part(target), next) : Alternatives(flat, next);
        _depth--;
        return start;
    }

    /// <summary>Resolves references and allOf. A lone reference stays one, since it may lead to itself.</summary>
    private List<SchemaPart> Flatten(List<SchemaPart> schemas, out SchemaPart? reference)
    {
        reference = null;
        List<SchemaPart> flat = [];
        Queue<SchemaPart> open = new(schemas);
        while (open.TryDequeue(out SchemaPart schema))
        {
            if (flat.Count + open.Count >= MostMerged) throw schema.Unsupported("merges too many schemas, or itself, by '$ref' and 'allOf'");
            if (!schema.IsObject && schema.Schema.ValueKind is not (JsonValueKind.True or JsonValueKind.False)) throw schema.Malformed("a schema");
            if ((schema.Done & SchemaDone.References) != 0)
            {
                flat.Add(schema);
                continue;
            }

            bool only = SchemaShape.IsOnly(schema, "$ref", "allOf"), all = schema.TryGet("allOf", out SchemaPart list);
            if (schema.TryGet("$ref", out SchemaPart pointer))
            {
                if (only && !all && flat.Count == 0 && open.Count == 0)
                {
                    reference = Resolve(pointer);
                    return [];
                }

                open.Enqueue(Resolve(pointer));
            }

            if (all)
                foreach (SchemaPart part in list.Items()) open.Enqueue(part);
            // What only carries references says nothing itself.
            if (!only || open.Count == 0) flat.Add(schema with { Done = schema.Done | SchemaDone.References });
        }

        return flat;
    }

    private SchemaPart Resolve(SchemaPart pointer)
    {
        string text = pointer.Text();
        if (!text.StartsWith('#') || (text.Length > 1 && text[1] != '/')) throw pointer.Unsupported($"leads out of the schema ('{text}')");
        SchemaPart at = new(root, "");
        foreach (string raw in text.Length == 1 ? [] : text[2..].Split('/'))
        {
            string name = Uri.UnescapeDataString(raw).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (at.TryGet(name, out SchemaPart inner)) at = inner;
            else if (at.Schema.ValueKind == JsonValueKind.Array && int.TryParse(name, out int index) && index >= 0 && index < at.Schema.GetArrayLength())
                at = at.Of(name, at.Schema[index]);
            else throw pointer.Malformed($"a pointer to a part of the schema ('{text}')");
        }

        return at;
    }

    /// <summary>A schema as a part of its own, which may contain itself.</summary>
    private int Part(SchemaPart schema)
    {
        if (_parts.TryGetValue(schema.Path, out int part)) return part;
        _parts[schema.Path] = part = Builder.Promise();
        Builder.Keep(part, Value([schema], Builder.Return()));
        return part;
    }

    private int Alternatives(List<SchemaPart> schemas, int next)
    {
        for (int i = 0; i < schemas.Count; i++)
        {
            foreach ((string keyword, SchemaDone done) in ((string, SchemaDone)[])[("anyOf", SchemaDone.AnyOf), ("oneOf", SchemaDone.OneOf)])
            {
                if ((schemas[i].Done & done) != 0 || !schemas[i].TryGet(keyword, out SchemaPart list)) continue;
                List<SchemaPart> alternatives = list.Items();
                if (alternatives.Count == 0) throw list.Malformed("a list of at least one schema");
                if (done == SchemaDone.OneOf) RequireApart(list, alternatives);
                if ((_alternatives += alternatives.Count) > MostAlternatives) throw list.Unsupported("combines too many alternatives");
                List<SchemaPart> rest = [.. schemas];
                rest[i] = schemas[i] with { Done = schemas[i].Done | done };
                // What says nothing else need not be merged, so that a reference may stay one.
                if (SchemaShape.IsOnly(schemas[i], keyword)) rest.RemoveAt(i);
                return Builder.Split([.. alternatives.Select(alternative => Value([.. rest, alternative], next))]);
            }
        }

        return Shape(SchemaShape.Merge(schemas), next);
    }

    private void RequireApart(SchemaPart list, List<SchemaPart> alternatives)
    {
        SchemaShape[] outlines = [.. alternatives.Select(Outline)];
        for (int i = 0; i < outlines.Length; i++)
            for (int j = 0; j < i; j++)
                if (!AreApart(outlines[i], outlines[j], 0))
                    throw list.Unsupported($"has alternatives {j} and {i} that might hold both: use 'anyOf', or a required property with another 'const' in each");
    }

    /// <summary>What a schema asks for at least.</summary>
    private SchemaShape Outline(SchemaPart schema)
    {
        List<SchemaPart> flat = Flatten([schema], out SchemaPart? reference);
        for (int i = 0; reference is { } target; i++)
        {
            if (i == MostMerged) throw schema.Unsupported("refers to itself");
            flat = Flatten([target], out reference);
        }

        return SchemaShape.Merge(flat);
    }

    private bool AreApart(SchemaShape x, SchemaShape y, int depth)
    {
        if (x.Values is { } some && y.Values is { } others) return !some.Exists(a => others.Exists(b => JsonElement.DeepEquals(a, b)));
        SchemaTypes common = x.EffectiveTypes & y.EffectiveTypes;
        if (common == SchemaTypes.None) return true;
        return common == SchemaTypes.Object && depth < 4 && x.Required.Any(name => y.Required.Contains(name)
            && x.Properties.TryGetValue(name, out List<SchemaPart>? mine) && y.Properties.TryGetValue(name, out List<SchemaPart>? theirs)
            && mine.Exists(a => theirs.Exists(b => AreApart(Outline(a), Outline(b), depth + 1))));
    }

    private int Shape(SchemaShape shape, int next)
    {
        if (shape.Values is { } values) return Builder.Split([.. values.Select(value => json.Constant(value, next))]);
        List<int> choices = [];
        void Add(SchemaTypes type, Func<int> build)
        {
            if ((shape.Types & type) != 0) choices.Add(build());
        }

        Add(SchemaTypes.Object, () => new ObjectCompiler(this, json).Compile(shape, next));
        Add(SchemaTypes.Array, () => Array(shape, next));
        Add(SchemaTypes.String, () => String(shape, next));
        if ((shape.Types & SchemaTypes.Number) != 0) choices.Add(Number(shape, next));
        Add(SchemaTypes.Boolean, () => Builder.Split(Builder.Literal("true", next), Builder.Literal("false", next)));
        Add(SchemaTypes.Null, () => Builder.Literal("null", next));
        return Builder.Split([.. choices]);
    }

    private int String(SchemaShape shape, int next)
    {
        bool anyLength = shape.LeastLength == 0 && shape.MostLength < 0;
        if (shape.Pattern is not { } pattern)
        {
            string? format = anyLength && shape.Format is not null ? StringFormats.Pattern(shape.Format) : null;
            return format is null ? json.String(shape.LeastLength, shape.MostLength, next)
                : json.Quote(new PatternCompiler(Builder, "format").Compile(format, json.Quote(next)));
        }

        if (!anyLength)
            throw pattern.Unsupported("stands beside 'minLength' or 'maxLength', which is not supported: write the length into the pattern");
        return json.Quote(new PatternCompiler(Builder, pattern.Name).Compile(pattern.Text(), json.Quote(next)));
    }

    private int Number(SchemaShape shape, int next)
    {
        bool fractions = (shape.Types & SchemaTypes.Fraction) != 0;
        if (shape.Range.IsBounded) return fractions ? shape.Range.Decimals(Builder, next) : shape.Range.Integers(Builder, next);
        return fractions ? json.Number(next) : json.Integer(next);
    }

    private int Array(SchemaShape shape, int next)
    {
        int end = Builder.Literal("]", next), count = shape.First.Count, most = shape.MostItems;
        // Items beyond those that are described come only if the number of items asks for them.
        bool isClosed = shape.Items is null && count > 0 && shape.LeastItems <= count;
        if (isClosed) most = most < 0 ? count : Math.Min(most, count);
        int part = isClosed ? Builder.Split() : shape.Items is { } items ? Value([items], Builder.Return()) : json.Any(JsonText.Levels, Builder.Return());
        if (count == 0) return Builder.Literal("[", json.List(part, shape.LeastItems, most, end));
        int after = json.Further(part, Math.Max(0, shape.LeastItems - count), most < 0 ? -1 : Math.Max(0, most - count), end);
        for (int i = count - 1; i >= 0; i--)
        {
            // Here i items have been written.
            int item = i == most ? Builder.Split() : Value([shape.First[i]], after);
            if (i > 0) item = json.Comma(item);
            after = i >= shape.LeastItems ? Builder.Optional(item, end) : item;
        }

        return Builder.Literal("[", after);
    }
}
