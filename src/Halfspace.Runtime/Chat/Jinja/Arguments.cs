namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The arguments of one call.</summary>
internal sealed class Arguments(IReadOnlyList<Value> positional, Dictionary<string, Value>? named = null)
{
    public static readonly Arguments None = new([]);

    public IReadOnlyList<Value> Positional { get; } = positional;

    public IReadOnlyDictionary<string, Value> Named => (IReadOnlyDictionary<string, Value>?)named ?? new Dictionary<string, Value>();

    /// <summary>Takes a named argument out, so that <see cref="Bind"/> does not see it.</summary>
    public Value? TakeNamed(string name) => named is not null && named.Remove(name, out Value? value) ? value : null;

    /// <summary>The arguments without the first ones.</summary>
    public Arguments Skip(int count) => new(Positional.Skip(count).ToArray(), named);

    /// <summary>The parameters' values in order, null where the call gives none.</summary>
    /// <exception cref="JinjaException">There are more arguments than parameters, or one is unknown or given twice.</exception>
    public Value?[] Bind(string function, params ReadOnlySpan<string> parameters)
    {
        if (Positional.Count > parameters.Length)
            throw new JinjaException($"'{function}' takes at most {parameters.Length} arguments, {Positional.Count} are given");
        Value?[] values = new Value?[parameters.Length];
        for (int i = 0; i < Positional.Count; i++) values[i] = Positional[i];
        if (named is null) return values;
        foreach ((string name, Value value) in named)
        {
            int index = parameters.IndexOf(name);
            if (index < 0) throw new JinjaException($"'{function}' has no parameter '{name}'");
            if (values[index] is not null) throw new JinjaException($"'{function}' is given its parameter '{name}' twice");
            values[index] = value;
        }

        return values;
    }
}
