using System.Diagnostics;
using Halfspace.Tests;

namespace Halfspace.Cli.Tests;

/// <summary>Ctrl-C.</summary>
public sealed class InterruptTests
{
    [Fact]
    public async Task While_a_prompt_is_read_it_ends_the_program()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent by kill.");
        string ruth = Repository.File("samples/ruth.txt");
        using Process process = Cli.Start("run", "Who is Boaz?", "--file", ruth, "--file", ruth, "--threads", "1");
        // Reading takes far longer than starting does, so it is under way when the processor has worked for this long.
        while (!process.HasExited && process.TotalProcessorTime < TimeSpan.FromSeconds(2.5))
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Cli.Interrupt(process);
        CliResult result = await Cli.EndAsync(process);
        Assert.Equal(("", "", 130), (result.Out, result.Error, result.ExitCode));
    }

    [Fact]
    public async Task While_an_answer_is_written_it_ends_the_program()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent by kill.");
        using Process process = Cli.Start("run", "One, two, three,", "--raw", "--max-tokens", "4000");
        await FirstCharacterAsync(process);
        Cli.Interrupt(process);
        CliResult result = await Cli.EndAsync(process);
        Assert.Equal(("", 130), (result.Error, result.ExitCode));
        Assert.EndsWith("\n", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_a_chat_it_ends_the_answer_and_at_the_prompt_the_program()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent by kill.");
        using Process process = Cli.Start("chat", "--max-tokens", "4000");
        await process.StandardInput.WriteLineAsync("Write a very long story about a king, a ring and a long way home.");
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        await FirstCharacterAsync(process);
        Cli.Interrupt(process);
        await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteLineAsync("/stats");
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        string? statistics = await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.Contains("generated", statistics, StringComparison.Ordinal);
        Cli.Interrupt(process);
        Assert.Equal(130, (await Cli.EndAsync(process)).ExitCode);
    }

    private static async Task FirstCharacterAsync(Process process) =>
        Assert.Equal(1, await process.StandardOutput.ReadAsync(new char[1], TestContext.Current.CancellationToken));
}
