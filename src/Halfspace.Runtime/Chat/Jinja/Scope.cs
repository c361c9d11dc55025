namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The names set in one block; others are looked for outside. Assigning never reaches an outer scope, as in Jinja.</summary>
internal sealed class Scope(Scope? outer, Dictionary<string, Value>? names = null)
{
    private Dictionary<string, Value>? _names = names;

    public void Set(string name, Value value) => (_names ??= new(StringComparer.Ordinal))[name] = value;

    public Value Get(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Next)
            if (scope._names is not null && scope._names.TryGetValue(name, out Value? value)) return value;
        return new UndefinedValue($"'{name}' is undefined");
    }

    private Scope? Next => outer;
}
