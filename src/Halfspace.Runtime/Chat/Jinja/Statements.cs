namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>A node of a template's body; Line is where it stands, from 1.</summary>
internal abstract record Statement(int Line);

internal sealed record TextOutput(int Line, string Text) : Statement(Line);

internal sealed record Print(int Line, Expression Value) : Statement(Line);

internal sealed record If(int Line, (Expression Condition, Statement[] Body)[] Branches, Statement[] Else) : Statement(Line);

internal sealed record For(
    int Line, Target Target, Expression Items, Expression? Filter, Statement[] Body, Statement[] Else) : Statement(Line);

internal sealed record Set(int Line, Target Target, Expression Value) : Statement(Line);

/// <summary>{% set x %}…{% endset %}: Value is the filters around the name <see cref="Names.Captured"/>.</summary>
internal sealed record SetBlock(int Line, Target Target, Expression Value, Statement[] Body) : Statement(Line);

internal sealed record Macro(int Line, string Name, MacroSignature Signature, Statement[] Body) : Statement(Line);

/// <summary>{% call(parameters) target(…) %}: the body is given to the macro as caller.</summary>
internal sealed record CallBlock(int Line, MacroSignature Signature, Call Target, Statement[] Body) : Statement(Line);

internal sealed record FilterBlock(int Line, Expression Value, Statement[] Body) : Statement(Line);

/// <summary>{% with a = 1 %}, and the tag generation, which has no assignments.</summary>
internal sealed record With(int Line, (Target Target, Expression Value)[] Assignments, Statement[] Body) : Statement(Line);

internal sealed record Jump(int Line, Flow Flow) : Statement(Line);

/// <summary>How execution goes on after a statement.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}

internal sealed record MacroSignature(string[] Names, Expression?[] Defaults);


/// <summary>What set and for assign to.</summary>
internal abstract record Target;

internal sealed record NameTarget(string Name) : Target;

internal sealed record AttributeTarget(string Namespace, string Attribute) : Target;

internal sealed record TupleTarget(Target[] Items) : Target;
