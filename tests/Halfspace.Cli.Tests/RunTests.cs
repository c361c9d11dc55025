using System.Diagnostics;
using System.Text.Json;
using Halfspace.Tests;

namespace Halfspace.Cli.Tests;

/// <summary><c>halfspace run</c> with the embedded model.</summary>
public sealed class RunTests
{
    private static readonly string[] Paris = ["run", "The capital of France is", "--raw", "--temperature", "0", "--max-tokens", "8"];

    [Fact]
    public async Task The_capital_of_France_is_Paris()
    {
        CliResult result = await Cli.RunAsync(Paris);
        result.ExpectSuccess();
        Assert.StartsWith("Paris", result.Out, StringComparison.Ordinal);
        Assert.EndsWith("\n", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_lines_hold_the_text_and_the_counts()
    {
        CliResult plain = await Cli.RunAsync(Paris), json = await Cli.RunAsync([.. Paris, "--json"]);
        json.ExpectSuccess();
        JsonElement[] lines = json.Json;
        string text = string.Concat(lines[..^1].Select(line => line.GetProperty("text").GetString()));
        Assert.Equal(plain.Out.TrimEnd('\n'), text.TrimEnd('\n'));
        JsonElement done = lines[^1];
        Assert.True(done.GetProperty("done").GetBoolean());
        Assert.Equal("length", done.GetProperty("finish").GetString());
        Assert.Equal(8, done.GetProperty("generated_tokens").GetInt32());
        Assert.InRange(done.GetProperty("prompt_tokens").GetInt32(), 5, 6);
        Assert.True(done.GetProperty("prompt_tokens_per_s").GetDouble() > 0);
        Assert.True(done.GetProperty("ms_per_token").GetDouble() > 0);
        Assert.InRange(done.GetProperty("keys_per_head").GetDouble(), 5, 16);
        Assert.True(done.GetProperty("context_bytes").GetInt64() > 0);
    }

    [Fact]
    public async Task Statistics_go_to_standard_error()
    {
        CliResult result = await Cli.RunAsync([.. Paris, "--stats"]);
        Assert.Equal(0, result.ExitCode);
        string line = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        foreach (string part in (string[])["tokens/s", "ms a token", "keys a head", "MB"])
            Assert.Contains(part, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dense_and_sparse_agree_on_a_short_context()
    {
        CliResult sparse = await Cli.RunAsync(Paris), dense = await Cli.RunAsync([.. Paris, "--attention", "dense"]);
        dense.ExpectSuccess();
        Assert.Equal(sparse.Out, dense.Out);
    }

    [Fact]
    public async Task A_seed_makes_draws_repeatable()
    {
        string[] args = ["run", "Once upon a time", "--raw", "--max-tokens", "12",
            "--temperature", "1.5", "--top-k", "50", "--min-p", "0.01", "--seed", "7"];
        CliResult first = await Cli.RunAsync(args), second = await Cli.RunAsync(args);
        first.ExpectSuccess();
        Assert.Equal(first.Out, second.Out);
    }

    [Fact]
    public async Task A_file_goes_before_the_question_and_a_dash_reads_the_input()
    {
        const string Document = "The house of Ms Kvist is painted purple.", Question = "Which colour is the house?";
        using TemporaryFile document = new(Document + "\n");
        string[] options = ["--max-tokens", "12", "--json"];
        CliResult joined = await Cli.RunAsync(["run", $"{Document}\n\n{Question}", .. options]);
        CliResult apart = await Cli.RunAsync(Question, ["run", "-", "--file", document.Path, .. options]);
        apart.ExpectSuccess();
        Assert.Equal(TextOf(joined), TextOf(apart));
        Assert.Equal(PromptTokens(joined), PromptTokens(apart));
        Assert.True(PromptTokens(apart) > PromptTokens(await Cli.RunAsync(["run", Question, .. options])));

        static string TextOf(CliResult result) => string.Concat(result.Json[..^1].Select(line => line.GetProperty("text").GetString()));
        static int PromptTokens(CliResult result) => result.Json[^1].GetProperty("prompt_tokens").GetInt32();
    }

    [Fact]
    public async Task A_prompt_that_does_not_fit_is_refused_with_its_size()
    {
        CliResult result = await Cli.RunAsync("run", "What happened?", "--file", Repository.File("samples/ruth.txt"), "--context", "1000");
        result.ExpectError(1, "tokens", "1000", "--context");
        Assert.Equal("", result.Out);
    }

    [Fact]
    public async Task A_context_beyond_the_model_s_asks_for_scaling() =>
        (await Cli.RunAsync("run", "Hi", "--context", "20000")).ExpectError(1, "20000", "--rope-scaling");

    [Fact]
    public async Task A_missing_or_binary_document_is_named()
    {
        (await Cli.RunAsync("run", "Hi", "--file", "no-such-text.txt")).ExpectError(1, "no-such-text.txt");
        using TemporaryFile binary = new([0x89, 0x50, 0xFF, 0xFE, 0x00]);
        (await Cli.RunAsync("run", "Hi", "--file", binary.Path)).ExpectError(1, "UTF-8");
    }

    [Fact]
    public async Task A_closed_output_ends_the_program_in_silence()
    {
        using Process process = Cli.Start("run", "One, two, three,", "--raw", "--max-tokens", "4000");
        process.StandardInput.Close();
        char[] first = new char[1];
        Assert.Equal(1, await process.StandardOutput.ReadAsync(first, TestContext.Current.CancellationToken));
        process.StandardOutput.Close();
        Stopwatch watch = Stopwatch.StartNew();
        CliResult result = await Cli.EndAsync(process, readOut: false);
        result.ExpectSuccess();
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), "it went on for nobody");
    }
}
