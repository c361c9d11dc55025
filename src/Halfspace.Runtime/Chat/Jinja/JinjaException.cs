namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>A failure inside a template. The line is known while reading; while rendering the interpreter knows it.</summary>
internal class JinjaException(string message, int? line = null) : Exception(message)
{
    public int? Line { get; } = line;
}

/// <summary>The template itself refused, by raise_exception.</summary>
internal sealed class JinjaRefusal(string message) : JinjaException(message);
