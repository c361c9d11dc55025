using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Halfspace.Cli.Tests;

/// <summary>What the program did.</summary>
internal sealed record CliResult(int ExitCode, string Out, string Error)
{
    /// <summary>Standard output as JSON lines.</summary>
    public JsonElement[] Json => [.. Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => JsonDocument.Parse(line).RootElement)];

    public void ExpectSuccess()
    {
        Assert.Equal("", Error);
        Assert.Equal(0, ExitCode);
    }

    /// <summary>One sentence on standard error, nothing of a stack trace, and the exit code.</summary>
    public void ExpectError(int exitCode, params string[] parts)
    {
        string sentence = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("halfspace: ", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("unexpected error", sentence, StringComparison.Ordinal);
        Assert.True(sentence[^1] is '.' or ')', $"not a sentence: {sentence}");
        foreach (string part in parts) Assert.Contains(part, sentence, StringComparison.Ordinal);
        Assert.Equal(exitCode, ExitCode);
    }
}

/// <summary>Runs the program itself, as a process.</summary>
internal static class Cli
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Starts the program.</summary>
    public static Process Start(params string[] args) => Process.Start(StartInfo(args))!;

    /// <summary>How to start the program, with a cache that all tests share.</summary>
    public static ProcessStartInfo StartInfo(params string[] args)
    {
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "halfspace.dll"));
        foreach (string argument in args) start.ArgumentList.Add(argument);
        start.Environment["HALFSPACE_CACHE"] = Path.Combine(AppContext.BaseDirectory, "cache");
        start.Environment.Remove("HALFSPACE_TRACE");
        return start;
    }

    /// <summary>Runs the program to its end.</summary>
    public static Task<CliResult> RunAsync(params string[] args) => RunAsync(null, args);

    /// <summary>Runs the program to its end with a text as its input.</summary>
    public static async Task<CliResult> RunAsync(string? input, string[] args)
    {
        return await RunAsync(StartInfo(args), input);
    }

    /// <summary>Runs the program to its end as it is told to start.</summary>
    public static async Task<CliResult> RunAsync(ProcessStartInfo start, string? input = null)
    {
        using Process process = Process.Start(start)!;
        if (input is not null) await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        return await EndAsync(process);
    }

    /// <summary>Waits for a program's end and takes what it wrote since.</summary>
    public static async Task<CliResult> EndAsync(Process process, bool readOut = true)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            Task<string> output = readOut ? process.StandardOutput.ReadToEndAsync(limit.Token) : Task.FromResult("");
            string error = await process.StandardError.ReadToEndAsync(limit.Token), text = await output;
            await process.WaitForExitAsync(limit.Token);
            return new CliResult(process.ExitCode, text, error);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }

    /// <summary>Presses Ctrl-C.</summary>
    public static void Interrupt(Process process)
    {
        using Process kill = Process.Start("kill", ["-INT", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }
}
