using System.Diagnostics;
using System.Text.Json;
using Halfspace.Tests;

namespace Halfspace.Cli.Tests;

/// <summary><c>halfspace context</c> and <c>run --context-name</c> with the embedded model.</summary>
public sealed class ContextTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("halfspace-contexts-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    [Fact]
    public async Task A_question_about_a_saved_context_is_answered_as_about_the_files()
    {
        const string Question = "What is the name of Naomi's husband?";
        using TemporaryFile ruth = new((await RuthAsync())[..9000]), note = new("Boaz has a dog, named Rex.\n\n");
        string[] files = ["--file", ruth.Path, "--file", note.Path, "--system", "Answer in one sentence."];
        string[] options = ["--max-tokens", "24", "--json"];
        CliResult created = await ContextAsync("create", "ruth", [.. files, "--json"]);
        created.ExpectSuccess();
        JsonElement report = Assert.Single(created.Json);
        Assert.Equal(0, report.GetProperty("reused_tokens").GetInt32());
        int tokens = report.GetProperty("tokens").GetInt32();
        // Enough for an index.
        Assert.True(tokens > 2200);

        CliResult saved = await Cli.RunAsync(["run", Question, "--context-name", "ruth", "--contexts", _folder, .. options]);
        CliResult read = await Cli.RunAsync(["run", Question, .. files, .. options]);
        saved.ExpectSuccess();
        read.ExpectSuccess();
        Assert.Equal(read.Json[..^1].Select(piece => piece.GetRawText()), saved.Json[..^1].Select(piece => piece.GetRawText()));
        Assert.Equal(read.Json[^1].GetProperty("prompt_tokens").GetInt32(), saved.Json[^1].GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(read.Json[^1].GetProperty("keys_per_head").GetDouble(), saved.Json[^1].GetProperty("keys_per_head").GetDouble());

        CliResult shown = await ContextAsync("show", "ruth", "--verify", "--json");
        shown.ExpectSuccess();
        Assert.True(shown.Json[0].GetProperty("verified").GetBoolean());
        Assert.Equal("Answer in one sentence.", shown.Json[0].GetProperty("system").GetString());
        Assert.Equal(tokens, shown.Json[0].GetProperty("tokens").GetInt32());
    }

    [Fact]
    public async Task Contexts_are_listed_shared_replaced_and_deleted()
    {
        string text = (await RuthAsync())[..4500];
        using TemporaryFile first = new(text), second = new(text + "\n\nThe end of this is another.");
        (await ContextAsync("create", "a", "--file", first.Path)).ExpectSuccess();
        CliResult created = await ContextAsync("create", "b", "--file", second.Path, "--json");
        Assert.Equal(1024, created.Json[0].GetProperty("reused_tokens").GetInt32());
        Assert.Equal(["a", "b"], (await ContextAsync("list", null, "--json")).Json.Select(line => line.GetProperty("name").GetString()));
        CliResult taken = await ContextAsync("create", "a", "--file", second.Path);
        taken.ExpectError(1, "a already");
        (await ContextAsync("create", "a", "--file", second.Path, "--replace")).ExpectSuccess();
        CliResult list = await ContextAsync("list", null);
        list.ExpectSuccess();
        Assert.Equal(2, list.Out.Split('\n').Count(line => line.Contains("tokens", StringComparison.Ordinal)));
        CliResult shown = await ContextAsync("show", "b");
        Assert.Contains("In the days", shown.Out, StringComparison.OrdinalIgnoreCase);
        (await ContextAsync("delete", "a")).ExpectSuccess();
        (await ContextAsync("show", "a")).ExpectError(1, "no saved context a");
        (await ContextAsync("delete", "a", "--json")).ExpectError(1, "no saved context a");
        Assert.Equal("b", (await ContextAsync("delete", "b", "--json")).Json[0].GetProperty("deleted").GetString());
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task Bad_input_is_told_in_a_sentence()
    {
        using TemporaryFile text = new("Some text.");
        (await ContextAsync("create", "../a", "--file", text.Path)).ExpectError(1, "cannot be the name");
        (await ContextAsync("create", "a", "--file", "no-such-text.txt")).ExpectError(1, "no-such-text.txt");
        (await ContextAsync("create", "a")).ExpectError(2, "--file");
        (await ContextAsync("create", "a", "--file", text.Path, "--raw", "--system", "s")).ExpectError(2, "--system");
        (await Cli.RunAsync("run", "Hi", "--context-name", "a", "--contexts", _folder)).ExpectError(1, "no saved context a");
        (await Cli.RunAsync("run", "Hi", "--context-name", "a", "--file", text.Path)).ExpectError(2, "--file");
        (await Cli.RunAsync("run", "--context-name", "a")).ExpectError(2, "no prompt");
        await File.WriteAllTextAsync(Path.Combine(_folder, "bad.context"), "Some text.", TestContext.Current.CancellationToken);
        (await ContextAsync("show", "bad")).ExpectError(1, "bad is not a saved context");
        JsonElement listed = Assert.Single((await ContextAsync("list", null, "--json")).Json);
        Assert.Contains("not a saved context", listed.GetProperty("damage").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_while_reading_leaves_nothing()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent by kill.");
        string ruth = Repository.File("samples/ruth.txt");
        using Process process = Cli.Start(
            "context", "create", "a", "--file", ruth, "--file", ruth, "--threads", "1", "--contexts", _folder);
        // Reading takes far longer than starting does, so it is under way when the processor has worked for this long.
        while (!process.HasExited && process.TotalProcessorTime < TimeSpan.FromSeconds(2.5))
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Cli.Interrupt(process);
        CliResult result = await Cli.EndAsync(process);
        Assert.Equal(("", "", 130), (result.Out, result.Error, result.ExitCode));
        Assert.Empty(Directory.GetFiles(_folder));
    }

    private static Task<string> RuthAsync() =>
        File.ReadAllTextAsync(Repository.File("samples/ruth.txt"), TestContext.Current.CancellationToken);

    private Task<CliResult> ContextAsync(string verb, string? name, params string[] options) =>
        Cli.RunAsync(["context", verb, .. name is null ? Array.Empty<string>() : [name], .. options, "--contexts", _folder]);
}
