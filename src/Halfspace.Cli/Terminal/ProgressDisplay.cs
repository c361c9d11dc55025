using Spectre.Console;

namespace Halfspace.Cli;

/// <summary>Shows how far the reading of many tokens is, on a terminal and nowhere else.</summary>
internal static class ProgressDisplay
{
    /// <summary>Fewer tokens than this are read before anybody could read a display.</summary>
    private const int LeastTokens = 1024;

    /// <summary>Does some work and shows its progress on standard error.</summary>
    /// <param name="console">Where to show it.</param>
    /// <param name="what">What is being done.</param>
    /// <param name="tokens">The tokens at its end.</param>
    /// <param name="work">The work; it reports how many tokens it has done.</param>
    public static Task<T> RunAsync<T>(CliConsole console, string what, int tokens, Func<IProgress<int>, Task<T>> work) =>
        console.ErrorIsTerminal && tokens >= LeastTokens ? ShowAsync(console, what, tokens, work) : work(new Reported(_ => { }));

    // Apart, so that Spectre.Console is not loaded where nothing is shown.
    private static async Task<T> ShowAsync<T>(CliConsole console, string what, int tokens, Func<IProgress<int>, Task<T>> work)
    {
        IAnsiConsole screen = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(console.Error) });
        return await screen.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async progress =>
            {
                ProgressTask task = progress.AddTask(what, maxValue: tokens);
                return await work(new Reported(done =>
                {
                    task.Value = done;
                    double speed = task.Speed ?? 0;
                    task.Description = FormattableString.Invariant($"{what} {done:N0} of {tokens:N0} tokens, {speed:N0} tokens/s");
                })).ConfigureAwait(false);
            }).ConfigureAwait(false);
    }

    /// <summary>Reports at once, where <see cref="Progress{T}"/> would post.</summary>
    private sealed class Reported(Action<int> report) : IProgress<int>
    {
        public void Report(int value) => report(value);
    }
}
