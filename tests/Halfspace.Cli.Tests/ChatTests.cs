namespace Halfspace.Cli.Tests;

/// <summary><c>halfspace chat</c> through a pipe.</summary>
public sealed class ChatTests
{
    [Fact]
    public async Task A_conversation_remembers_what_was_said()
    {
        using TemporaryFile document = new("Ms Kvist has a parrot whose name is Orinoco.\n");
        CliResult result = await Cli.RunAsync(
            $"/help\n/file {document.Path}\nWhat is the name of the parrot of Ms Kvist?\n/stats\nRepeat the parrot's name.\n/stats\n/nonsense\n/file\n/exit\nnever read\n",
            ["chat", "--max-tokens", "20", "--system", "You are a helpful assistant."]);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(2, result.Out.Split("Orinoco").Length - 1);
        Assert.Contains("/clear", result.Error, StringComparison.Ordinal);
        Assert.Contains("halfspace: There is no command /nonsense", result.Error, StringComparison.Ordinal);
        Assert.Contains("halfspace: /file needs", result.Error, StringComparison.Ordinal);
        string[] statistics = [.. result.Error.Split('\n').Where(line => line.StartsWith("prompt ", StringComparison.Ordinal))];
        Assert.Equal(2, statistics.Length);
        // The second turn reads its own message and not the conversation before it.
        int[] counts = [.. statistics[1].Split(' ', '(').Where(word => int.TryParse(word, out _)).Select(int.Parse)];
        Assert.True(counts[1] < counts[0] / 2, statistics[1]);
    }

    [Fact]
    public async Task The_end_of_the_input_ends_it_and_a_message_too_long_does_not()
    {
        string text = string.Join(' ', Enumerable.Repeat("word", 300));
        CliResult result = await Cli.RunAsync($"{text}\n/clear\nSay hello.\n", ["chat", "--context", "200", "--max-tokens", "4"]);
        result.ExpectError(0, "200", "/clear");
        Assert.NotEqual("", result.Out.Trim());
    }
}
