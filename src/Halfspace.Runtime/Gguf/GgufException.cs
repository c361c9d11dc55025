namespace Halfspace.Runtime.Gguf;

/// <summary>A GGUF file cannot be used; the sentence names the file, the field and what to do.</summary>
public sealed class GgufException : ModelException
{
    /// <summary>An error with its sentence and, where there is one, the exception behind it.</summary>
    public GgufException(string message, Exception? innerException = null) : base(message, innerException) { }
}
