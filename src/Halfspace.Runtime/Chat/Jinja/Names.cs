namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Names that a template cannot write.</summary>
internal static class Names
{
    /// <summary>What a block printed, for its filters.</summary>
    public const string Captured = "<captured>";
}
