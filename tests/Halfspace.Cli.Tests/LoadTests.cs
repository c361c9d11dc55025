using System.Diagnostics;
using System.Text.Json;
using Halfspace.Tests;

namespace Halfspace.Cli.Tests;

/// <summary><c>halfspace bench serve</c>. How quick the server is is not looked at.</summary>
public sealed class LoadTests : IDisposable
{
    private readonly TemporaryFile _model = new(new TinyModel
    {
        ChatTemplate = "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
    }.ToGguf());

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task Clients_ask_again_until_the_time_is_over()
    {
        CliResult result = await Cli.RunAsync("bench", "serve", "--model", _model.Path, "--clients", "4", "--seconds", "1", "--tokens", "5", "--slots", "2", "--json");
        result.ExpectSuccess();
        ExpectWhole(Assert.Single(result.Json), clients: 4, tokens: 5);
        Assert.InRange(Assert.Single(result.Json).GetProperty("memory_bytes_start").GetInt64(), 1 << 20, long.MaxValue);
        Assert.InRange(Assert.Single(result.Json).GetProperty("memory_bytes_end").GetInt64(), 1 << 20, long.MaxValue);
    }

    [Fact]
    public async Task A_server_that_runs_is_asked()
    {
        using Process server = Cli.Start("serve", "--urls", "http://127.0.0.1:0", "--model", _model.Path, "--slots", "1", "--queue", "1");
        try
        {
            string line = (await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!;
            string url = line.Split(' ', ';').First(word => word.StartsWith("http", StringComparison.Ordinal));
            CliResult one = await Cli.RunAsync("bench", "serve", "--url", url, "--clients", "1", "--seconds", "1", "--tokens", "3", "--json");
            one.ExpectSuccess();
            ExpectWhole(Assert.Single(one.Json), clients: 1, tokens: 3);
            Assert.False(Assert.Single(one.Json).TryGetProperty("memory_bytes_start", out _));

            // It has two places: of four clients two are refused, which the load program must see.
            CliResult four = await Cli.RunAsync("bench", "serve", "--url", url, "--clients", "4", "--seconds", "1", "--tokens", "100", "--json");
            four.ExpectError(1, "429");
            Assert.InRange(Assert.Single(four.Json).GetProperty("failed").GetInt32(), 1, int.MaxValue);
        }
        finally
        {
            Cli.Interrupt(server);
            await Cli.EndAsync(server);
        }
    }

    [Fact]
    public async Task Questions_at_once_are_compared_with_one_after_another()
    {
        CliResult result = await Cli.RunAsync("bench", "serve", "--model", _model.Path, "--compare", "--clients", "3", "--seconds", "1", "--tokens", "4", "--json");
        result.ExpectSuccess();
        JsonElement line = Assert.Single(result.Json);
        Assert.Equal(3, line.GetProperty("at_once").GetInt32());
        Assert.Equal((0, 0), (line.GetProperty("failed").GetInt32(), line.GetProperty("lost").GetInt32()));
        foreach (string name in (string[])["rounds", "one_after_another_tokens_per_s", "at_once_tokens_per_s", "ratio"])
            Assert.True(line.GetProperty(name).GetDouble() > 0, name);
    }

    [Theory]
    [InlineData(1, "No server answers", "--url", "http://127.0.0.1:1")]
    [InlineData(1, "no-such-model.gguf", "--model", "no-such-model.gguf")]
    [InlineData(2, "--url", "--url", "nonsense")]
    [InlineData(2, "--slots", "--url", "http://127.0.0.1:1", "--slots", "2")]
    [InlineData(2, "--clients", "--clients", "0")]
    public async Task What_cannot_be_measured_is_refused(int exitCode, string part, params string[] args) =>
        (await Cli.RunAsync(null, ["bench", "serve", .. args])).ExpectError(exitCode, part);

    private static void ExpectWhole(JsonElement line, int clients, int tokens)
    {
        int Number(string name) => line.GetProperty(name).GetInt32();
        double Real(string name) => line.GetProperty(name).GetDouble();
        Assert.Equal((clients, 0, 0), (Number("clients"), Number("failed"), Number("lost")));
        Assert.InRange(Number("fewest_of_a_client"), 1, Number("requests") / clients);
        Assert.InRange(Number("tokens"), Number("requests"), Number("requests") * tokens);
        Assert.InRange(Real("answer_s_median"), 0, Real("answer_s_slowest"));
        Assert.InRange(Real("first_token_s_median"), 0, Real("answer_s_median"));
        Assert.True(Real("tokens_per_s") > 0);
    }
}
