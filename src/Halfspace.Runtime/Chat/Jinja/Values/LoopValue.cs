namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The variable <c>loop</c> of a for loop.</summary>
internal sealed class LoopValue(IReadOnlyList<Value> items) : Value
{
    private IReadOnlyList<Value>? _lastChecked;

    public int Index { get; set; }

    public override string TypeName => "LoopContext";

    public Value? Attribute(string name) => name switch
    {
        "index" => new IntegerValue(Index + 1),
        "index0" => new IntegerValue(Index),
        "first" => BooleanValue.Of(Index == 0),
        "last" => BooleanValue.Of(Index == items.Count - 1),
        "length" => new IntegerValue(items.Count),
        "revindex" => new IntegerValue(items.Count - Index),
        "revindex0" => new IntegerValue(items.Count - Index - 1),
        "previtem" => Index > 0 ? items[Index - 1] : new UndefinedValue("there is no previous item"),
        "nextitem" => Index < items.Count - 1 ? items[Index + 1] : new UndefinedValue("there is no next item"),
        "depth" => new IntegerValue(1),
        "depth0" => new IntegerValue(0),
        "cycle" => new FunctionValue(name, Cycle),
        "changed" => new FunctionValue(name, Changed),
        _ => null,
    };

    private Value Cycle(Interpreter interpreter, Arguments arguments) => arguments.Positional.Count > 0
        ? arguments.Positional[Index % arguments.Positional.Count]
        : throw new JinjaException("loop.cycle needs values to cycle through");

    private BooleanValue Changed(Interpreter interpreter, Arguments arguments)
    {
        IReadOnlyList<Value> now = arguments.Positional;
        bool same = _lastChecked is { } last && last.Count == now.Count;
        for (int i = 0; same && i < now.Count; i++) same = Comparison.AreEqual(_lastChecked![i], now[i], interpreter.Budget);
        _lastChecked = now;
        return BooleanValue.Of(!same);
    }
}
