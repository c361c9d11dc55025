namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>What a template may use. Known templates stay below a hundredth of each.</summary>
internal static class Limits
{
    public const int SourceLength = 1 << 20;      // characters of a template
    public const int ParserNesting = 100;         // brackets and blocks within each other
    public const int EvaluationDepth = 600;       // nodes within each other, across macro calls
    public const int RangeLength = 100_000;       // elements of range(), as in Jinja's sandbox
    public const int TextLength = 4 << 20;        // characters of a text, beyond a multiple of the conversation's
    public const int TextPerInput = 4;
    public const long Work = 10_000_000;          // nodes evaluated, elements and characters made
    public const long WorkPerInput = 100;         // further units for each character of the conversation
}
