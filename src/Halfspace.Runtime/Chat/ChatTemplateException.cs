namespace Halfspace.Runtime.Chat;

/// <summary>A chat template that cannot be read or rendered. The message names line and reason and offers <c>--raw</c>.</summary>
public sealed class ChatTemplateException : ModelException
{
    internal ChatTemplateException(string message, int line, Exception cause)
        : base(message, cause) => Line = line;

    /// <summary>The template's line, from 1.</summary>
    public int Line { get; }
}
