namespace Halfspace.Runtime.Chat.Jinja;

internal delegate Value Function(Interpreter interpreter, Arguments arguments);

internal abstract class CallableValue(string name) : Value
{
    public string Name { get; } = name;

    public override string TypeName => "function";

    public abstract Value Call(Interpreter interpreter, Arguments arguments);
}

/// <summary>A function or a bound method of the language.</summary>
internal sealed class FunctionValue(string name, Function body) : CallableValue(name)
{
    public override Value Call(Interpreter interpreter, Arguments arguments) => body(interpreter, arguments);
}

/// <summary>A macro with the scope it was written in.</summary>
internal sealed class MacroValue(string name, MacroSignature signature, Statement[] body, Scope scope) : CallableValue(name)
{
    public override string TypeName => "Macro";

    public override Value Call(Interpreter interpreter, Arguments arguments)
    {
        Scope inner = new(scope);
        inner.Set("caller", arguments.TakeNamed("caller") ?? new UndefinedValue("no caller is defined"));
        Value?[] values = arguments.Bind(Name, signature.Names);
        for (int i = 0; i < values.Length; i++)
        {
            Value value = values[i]
                ?? (signature.Defaults[i] is Expression expression ? interpreter.Evaluate(expression, inner) : null)
                ?? new UndefinedValue($"parameter '{signature.Names[i]}' was not provided");
            inner.Set(signature.Names[i], value);
        }

        return new StringValue(interpreter.Capture(body, inner));
    }
}

/// <summary>joiner(): nothing at the first call, then its separator.</summary>
internal sealed class JoinerValue(Value separator) : CallableValue("joiner")
{
    private bool _used;

    public override Value Call(Interpreter interpreter, Arguments arguments)
    {
        arguments.Bind(Name);
        Value result = _used ? separator : StringValue.Empty;
        _used = true;
        return result;
    }
}

/// <summary>cycler(...): next() goes round its values.</summary>
internal sealed class CyclerValue(IReadOnlyList<Value> items) : Value
{
    private int _position;

    public override string TypeName => "Cycler";

    public Value? Attribute(string name) => name switch
    {
        "current" => items[_position],
        "next" => new FunctionValue(name, (_, arguments) =>
        {
            arguments.Bind("next");
            Value current = items[_position];
            _position = (_position + 1) % items.Count;
            return current;
        }),
        "reset" => new FunctionValue(name, (_, arguments) =>
        {
            arguments.Bind("reset");
            _position = 0;
            return NoneValue.Instance;
        }),
        _ => null,
    };
}
