namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>A part of a regular expression.</summary>
internal abstract record PatternSyntax
{
    /// <summary>One code point of some ranges, ascending and apart.</summary>
    public sealed record Class((int First, int Last)[] Ranges) : PatternSyntax;

    /// <summary>Parts one after another; none is the empty text.</summary>
    public sealed record Sequence(PatternSyntax[] Parts) : PatternSyntax;

    /// <summary>Any of several parts.</summary>
    public sealed record Choice(PatternSyntax[] Parts) : PatternSyntax;

    /// <summary>A part a number of times; <paramref name="Most"/> is −1 without an upper bound.</summary>
    public sealed record Repeated(PatternSyntax Part, int Least, int Most) : PatternSyntax;

    /// <summary>The begin or the end of the text.</summary>
    public sealed record Anchor(bool IsEnd) : PatternSyntax;
}
