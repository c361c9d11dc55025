using System.Diagnostics;

namespace Halfspace.Cli.Tests;

/// <summary>Wrong command lines: exit code 2 and one sentence.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("--keys 0", "run", "Hi", "--keys", "0")]
    [InlineData("--keys many", "run", "Hi", "--keys", "many")]
    [InlineData("--max-tokens -1", "run", "Hi", "--max-tokens", "-1")]
    [InlineData("--temperature -1", "run", "Hi", "--temperature", "-1")]
    [InlineData("--temperature NaN", "run", "Hi", "--temperature", "NaN")]
    [InlineData("--top-k -3", "run", "Hi", "--top-k", "-3")]
    [InlineData("--top-p 2", "run", "Hi", "--top-p", "2")]
    [InlineData("--min-p 1.5", "run", "Hi", "--min-p", "1.5")]
    [InlineData("--repeat-penalty 0", "run", "Hi", "--repeat-penalty", "0")]
    [InlineData("--seed -1", "run", "Hi", "--seed", "-1")]
    [InlineData("--prefill some", "run", "Hi", "--prefill", "some")]
    [InlineData("--tail long", "run", "Hi", "--tail", "long")]
    [InlineData("--clusters 0", "run", "Hi", "--clusters", "0")]
    [InlineData("--policy mass:2", "run", "Hi", "--policy", "mass:2")]
    [InlineData("--threads 0", "run", "Hi", "--threads", "0")]
    [InlineData("--context 0", "run", "Hi", "--context", "0")]
    [InlineData("--rope-scaling twice", "run", "Hi", "--rope-scaling", "twice")]
    [InlineData("--attention none", "run", "Hi", "--attention", "none")]
    [InlineData("--attention dense,sparse", "run", "Hi", "--attention", "dense,sparse")]
    [InlineData("--depth 8,x", "bench", "--depth", "8,x")]
    [InlineData("--repeat 0", "bench", "--repeat", "0")]
    [InlineData("--repeat often", "bench", "--repeat", "often")]
    [InlineData("--last 0", "perplexity", "text", "--last", "0")]
    public async Task A_value_that_is_not_possible_is_named(string what, params string[] args) =>
        (await Cli.RunAsync(args)).ExpectError(2, $"{what} is not possible; give ", $"See halfspace {args[0]} --help.");

    [Theory]
    [InlineData("There is no option --bogus", "run", "Hi", "--bogus")]
    [InlineData("There is no option --bogus", "run", "--bogus")]
    [InlineData("There is no option --bogus", "bench", "--bogus=3")]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("Required command", new string[0])]
    [InlineData("There is no prompt", "run")]
    [InlineData("The prompt is empty", "run", "")]
    [InlineData("--model", "run", "Hi", "--model")]
    [InlineData("exclude each other", "run", "Hi", "--keys", "8", "--policy", "mass:0.1")]
    [InlineData("--system needs the chat template", "run", "Hi", "--raw", "--system", "Be brief.")]
    [InlineData("TEXT", "perplexity")]
    [InlineData("'x' is not a token id", "tokenize", "1 x", "--decode")]
    public async Task A_command_line_that_makes_no_sense_is_refused(string what, params string[] args) =>
        (await Cli.RunAsync(args)).ExpectError(2, what);

    [Fact]
    public async Task After_two_dashes_a_text_may_look_like_an_option()
    {
        CliResult result = await Cli.RunAsync("tokenize", "--json", "--", "--bogus");
        result.ExpectSuccess();
        Assert.Equal("--bogus", result.Json[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task An_unknown_simd_tier_is_the_user_s_to_mend()
    {
        ProcessStartInfo start = Cli.StartInfo("run", "Hi", "--raw", "--max-tokens", "1");
        start.Environment["HALFSPACE_SIMD"] = "abacus";
        (await Cli.RunAsync(start)).ExpectError(1, "abacus", "HALFSPACE_SIMD");
    }

    [Fact]
    public async Task Help_names_every_command()
    {
        CliResult result = await Cli.RunAsync("--help");
        result.ExpectSuccess();
        foreach (string command in (string[])["run", "chat", "info", "tokenize", "perplexity", "bench"])
            Assert.Contains($"  {command} ", result.Out, StringComparison.Ordinal);
    }
}
