using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;

namespace Halfspace.Cli;

/// <summary>Turns what ended a command into one sentence and an exit code.</summary>
internal static class Failure
{
    /// <summary>The variable that shows where an unexpected error came from.</summary>
    private const string TraceVariable = "HALFSPACE_TRACE";

    public static int Report(Exception e, CliConsole console)
    {
        while (e is TypeInitializationException { InnerException: { } cause }) e = cause;
        switch (e)
        {
            case OperationCanceledException when console.Interrupt.Requested:
                return ExitCode.Interrupted;
            case OutputClosedException:
                return ExitCode.Success;
            case UsageException:
                console.Fail(e.Message);
                return ExitCode.Usage;
            case ModelException or PlatformNotSupportedException:
                console.Fail(e.Message);
                break;
            case IOException or UnauthorizedAccessException:
                console.Fail($"A file cannot be used: {e.Message}");
                break;
            case OutOfMemoryException:
                console.Fail("There is not enough memory; give a smaller --context or a shorter text.");
                break;
            default:
                console.Fail($"Halfspace stopped at an unexpected error ({e.GetType().Name}: {e.Message.TrimEnd('.')}); "
                    + $"please report it with what {TraceVariable}=1 adds to this.");
                break;
        }

        if (Environment.GetEnvironmentVariable(TraceVariable) is { Length: > 0 }) console.Error.WriteLine(e);
        return ExitCode.Failure;
    }
}
