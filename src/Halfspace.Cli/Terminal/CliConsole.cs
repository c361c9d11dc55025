using System.Text;

namespace Halfspace.Cli;

/// <summary>The program's three streams, always in UTF-8, and Ctrl-C.</summary>
internal sealed class CliConsole : IDisposable
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private readonly Lazy<TextReader> _in = new(() => System.Console.IsInputRedirected
        ? new StreamReader(System.Console.OpenStandardInput(), Utf8) : System.Console.In);

    public CliConsole()
    {
        Out = new StreamWriter(OutputStream.Open(), Utf8) { AutoFlush = true, NewLine = "\n" };
        Error = new StreamWriter(System.Console.OpenStandardError(), Utf8) { AutoFlush = true, NewLine = "\n" };
    }

    /// <summary>Answers and results.</summary>
    public TextWriter Out { get; }

    /// <summary>Errors, statistics and progress.</summary>
    public TextWriter Error { get; }

    /// <summary>Standard input; on a terminal with its line editing.</summary>
    public TextReader In => _in.Value;

    /// <summary>Whether somebody types the input.</summary>
    public bool InputIsTerminal { get; } = !System.Console.IsInputRedirected;

    /// <summary>Whether somebody watches standard error.</summary>
    public bool ErrorIsTerminal { get; } = !System.Console.IsErrorRedirected;

    /// <summary>Ctrl-C.</summary>
    public Interrupt Interrupt { get; } = new();

    /// <summary>Writes an error as one line.</summary>
    public void Fail(string sentence) => Error.WriteLine("halfspace: " + sentence.ReplaceLineEndings(" "));

    /// <inheritdoc/>
    public void Dispose() => Interrupt.Dispose();
}
