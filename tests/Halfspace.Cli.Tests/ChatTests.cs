namespace Halfspace.Cli.Tests;

/// <summary><c>halfspace chat</c> through a pipe.</summary>
public sealed class ChatTests
{
    [Fact]
    public async Task A_conversation_goes_on_where_it_was()
    {
        using TemporaryFile document = new("Ms Kvist has a parrot whose name is Orinoco.\n");
        string[] options = ["--max-tokens", "20", "--system", "You are a helpful assistant."];
        const string Question = "What is the name of the parrot of Ms Kvist?";
        string input = $"/file {document.Path}\n{Question}\n/stats\nWhat colour is it?\n/stats\n/exit\nnever read\n";
        CliResult chat = await Cli.RunAsync(input, ["chat", .. options]);
        CliResult run = await Cli.RunAsync(["run", Question, "--file", document.Path, .. options]);
        Assert.Equal(0, chat.ExitCode);
        Assert.StartsWith(run.Out.TrimEnd(), chat.Out, StringComparison.Ordinal);

        // The second turn reads its own message and not the conversation before it.
        int[][] statistics = [.. chat.Error.Split('\n').Where(line => line.StartsWith("prompt ", StringComparison.Ordinal))
            .Select(line => line.Split(' ', '(').Where(word => int.TryParse(word, out _)).Select(int.Parse).ToArray())];
        Assert.Equal(2, statistics.Length);
        (int before, int prompt, int read) = (statistics[0][0], statistics[1][0], statistics[1][1]);
        Assert.InRange(prompt, before + 20, before + 80);
        Assert.InRange(read, 1, 40);
    }

    [Fact]
    public async Task Commands_are_explained_and_wrong_ones_refused()
    {
        CliResult result = await Cli.RunAsync("/help\n/stats\n/nonsense\n/file\n/file no-such-text.txt\n/quit\n", ["chat"]);
        Assert.Equal(("", 0), (result.Out, result.ExitCode));
        foreach (string part in (string[])["/clear ", "There is no answer yet.", "halfspace: There is no command /nonsense",
            "halfspace: /file needs", "halfspace: There is no file no-such-text.txt"])
            Assert.Contains(part, result.Error, StringComparison.Ordinal);
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
