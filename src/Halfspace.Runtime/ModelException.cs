namespace Halfspace.Runtime;

/// <summary>An error of the user's input: <see cref="Exception.Message"/> is one complete sentence that says what to do.</summary>
public class ModelException : Exception
{
    /// <summary>An error with its sentence and, where there is one, the exception behind it.</summary>
    public ModelException(string message, Exception? innerException = null) : base(message, innerException) { }
}
