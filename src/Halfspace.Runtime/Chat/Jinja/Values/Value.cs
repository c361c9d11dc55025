namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>A value of the template language: Python's, as far as templates can see them. Immutable but for namespaces.</summary>
internal abstract class Value
{
    /// <summary>The name of Python's type, for messages.</summary>
    public abstract string TypeName { get; }

    public virtual bool IsTrue => true;
}

internal sealed class StringValue(string text) : Value
{
    public static readonly StringValue Empty = new("");

    public string Text { get; } = text;

    public override string TypeName => "str";

    public override bool IsTrue => Text.Length > 0;
}

internal sealed class IntegerValue(long number) : Value
{
    public long Number { get; } = number;

    public override string TypeName => "int";

    public override bool IsTrue => Number != 0;
}

internal sealed class FloatValue(double number) : Value
{
    public double Number { get; } = number;

    public override string TypeName => "float";

    public override bool IsTrue => Number != 0;
}

internal sealed class BooleanValue : Value
{
    private static readonly BooleanValue True = new(true);
    private static readonly BooleanValue False = new(false);
    private readonly bool _value;

    private BooleanValue(bool value) => _value = value;

    public override string TypeName => "bool";

    public override bool IsTrue => _value;

    public static BooleanValue Of(bool value) => value ? True : False;
}

internal sealed class NoneValue : Value
{
    public static readonly NoneValue Instance = new();

    private NoneValue()
    {
    }

    public override string TypeName => "NoneType";

    public override bool IsTrue => false;
}

/// <summary>What a missing name, attribute or item gives: prints as nothing, is false and empty, and fails at any other use.</summary>
internal sealed class UndefinedValue(string reason) : Value
{
    public override string TypeName => "Undefined";

    public override bool IsTrue => false;

    /// <summary>Why it is undefined, e.g. "'x' is undefined".</summary>
    public string Reason { get; } = reason;

    public JinjaException Failure() => new(Reason);
}
