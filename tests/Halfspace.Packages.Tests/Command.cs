using System.Diagnostics;

namespace Halfspace.Packages.Tests;

/// <summary>A program that was run to its end.</summary>
internal sealed record Command(int ExitCode, string Out, string Error)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    /// <summary>Runs the .NET host or command line.</summary>
    public static Task<Command> DotNet(string folder, params string[] args) =>
        Run(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", folder, args);

    /// <summary>Runs a program, which must succeed.</summary>
    public static async Task<Command> Run(string program, string folder, params string[] args)
    {
        ProcessStartInfo start = new(program, args)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HALFSPACE_CACHE"] = Path.Combine(AppContext.BaseDirectory, "cache");
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        // Servers of the build would outlive it and keep its output open.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["UseSharedCompilation"] = "false";
        // The packages' folder is the test's own.
        start.Environment.Remove("NUGET_PACKAGES");

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token), error = process.StandardError.ReadToEndAsync(limit.Token);
            Command done = new(0, await output, await error);
            await process.WaitForExitAsync(limit.Token);
            Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', args)} ended with {process.ExitCode}:\n{done.Out}\n{done.Error}");
            return done;
        }
        catch (OperationCanceledException)
        {
            process.Kill(true);
            throw;
        }
    }
}
