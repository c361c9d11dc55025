using System.CommandLine;
using Halfspace.Cli;
using Halfspace.Cli.CommandLine;

using CliConsole console = new();
try
{
    ParseResult parsed = HalfspaceCommand.Parse(args, console);
    if (Usage.Error(parsed) is { } error)
    {
        console.Fail(error);
        return ExitCode.Usage;
    }

    InvocationConfiguration invocation = new()
    {
        EnableDefaultExceptionHandler = false,
        ProcessTerminationTimeout = null,
        Output = console.Out,
        Error = console.Error,
    };
    return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
}
catch (Exception e)
{
    return Failure.Report(e, console);
}
