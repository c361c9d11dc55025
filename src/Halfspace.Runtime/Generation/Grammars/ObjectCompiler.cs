using System.Text.Json;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Compiles a schema's objects: its properties in the schema's order, then further ones.</summary>
internal sealed class ObjectCompiler(SchemaCompiler schemas, JsonText json)
{
    private readonly List<(string Name, Func<int, int> Value, bool IsRequired)> _properties = [];
    private int[] _keys = [];
    private int _member, _end;

    private GraphBuilder Builder => json.Builder;

    public int Compile(SchemaShape shape, int next)
    {
        foreach ((string name, List<SchemaPart> property) in shape.Properties)
            _properties.Add((name, after => schemas.Value(property, after), shape.Required.Contains(name)));
        foreach (string name in shape.Required.Where(name => !shape.Properties.ContainsKey(name)))
            _properties.Add((name, after => Further(shape, after), true));

        // Without a word about further properties they come only if no others are described.
        bool isOpen = shape.Additional is { } additional ? additional.Schema.ValueKind != JsonValueKind.False : shape.Properties.Count == 0;
        _end = Builder.Literal("}", next);
        _member = isOpen ? FreeKey([.. _properties.Select(p => p.Name)], json.Colon(Further(shape, Builder.Return()))) : -1;
        _keys = new int[_properties.Count];
        Array.Fill(_keys, -1);
        // From the last property back, since each leads to those after it.
        for (int i = _properties.Count - 1; i >= 0; i--) _keys[i] = Key(i);
        return Builder.Literal("{", Rest(0, isFirst: true));
    }

    private int Key(int index)
    {
        (string name, Func<int, int> value, _) = _properties[index];
        return json.Text(name, json.Colon(value(Rest(index + 1, isFirst: false))));
    }

    /// <summary>What may follow when the properties before one have been dealt with.</summary>
    private int Rest(int index, bool isFirst)
    {
        List<int> choices = [];
        for (; index < _keys.Length; index++)
        {
            choices.Add(isFirst ? _keys[index] : json.Comma(_keys[index]));
            if (_properties[index].IsRequired) return Builder.Split([.. choices]);
        }

        if (_member < 0) choices.Add(_end);
        else choices.Add(isFirst ? json.List(_member, 0, -1, _end) : json.Further(_member, 0, -1, _end));
        return Builder.Split([.. choices]);
    }

    private int Further(SchemaShape shape, int next) => shape.Additional is { } additional && additional.Schema.ValueKind != JsonValueKind.True
        ? schemas.Value([additional], next)
        : json.Any(JsonText.Levels, next);

    /// <summary>A key that is none of some names: written without escapes, so that it is compared as it stands.</summary>
    private int FreeKey(List<string> names, int next)
    {
        int end = json.Quote(next), free = Builder.Repeat(json.Character(escapes: false), 0, -1, end);
        return json.Quote(Differing([.. names.Where(name => !name.Any(c => c is < ' ' or '"' or '\\'))], free, end));
    }

    private int Differing(List<string> names, int free, int end)
    {
        if (names.Count == 0) return Builder.Split(free, end);
        ByteSet others = JsonText.PlainAscii;
        List<int> choices = [];
        bool beyond = true;
        foreach (IGrouping<char, string> group in names.Where(name => name.Length > 0).GroupBy(name => name[0]))
        {
            // Names are told apart by their ASCII characters: where one goes on beyond, no other key does.
            if (!char.IsAscii(group.Key))
            {
                beyond = false;
                continue;
            }

            ByteSet first = ByteSet.Of((byte)group.Key);
            others &= ~first;
            choices.Add(Builder.Bytes(first, Differing([.. group.Select(name => name[1..])], free, end)));
        }

        choices.Add(Builder.Bytes(others, free));
        if (beyond) choices.Add(json.BeyondAscii(free));
        if (!names.Contains("")) choices.Add(end);
        return Builder.Split([.. choices]);
    }
}
