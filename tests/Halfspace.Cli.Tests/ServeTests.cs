using System.Diagnostics;
using System.Globalization;

namespace Halfspace.Cli.Tests;

public sealed class ServeTests
{
    [Theory]
    [InlineData(1, "--api-key-file", "--urls", "http://0.0.0.0:0")]
    [InlineData(1, "--api-key-file", "--urls", "http://localhost:0,http://*:0")]
    [InlineData(1, "not an address", "--urls", "nonsense")]
    [InlineData(1, "TLS", "--urls", "https://localhost:0")]
    [InlineData(1, "cannot be read", "--api-key-file", "no-such-file")]
    [InlineData(1, "no-such-model.gguf", "--urls", "http://localhost:0", "--model", "no-such-model.gguf")]
    [InlineData(1, "Two models", "--model", "a=x.gguf", "--model", "a=y.gguf")]
    [InlineData(2, "--slots", "--slots", "0")]
    [InlineData(2, "--temp", "--temp", "3")]
    public async Task What_cannot_be_served_is_refused(int exitCode, string part, params string[] args)
    {
        CliResult result = await Cli.RunAsync(["serve", .. args]);
        result.ExpectError(exitCode, part);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task It_listens_answers_and_ends_when_told(string signal)
    {
        using Process server = Cli.Start("serve", "--urls", "http://localhost:0");
        string line = (await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!;
        string url = line.Split(' ', ';').First(word => word.StartsWith("http", StringComparison.Ordinal));
        using HttpClient http = new();
        Assert.True((await http.GetAsync(new Uri(url + "/health"), TestContext.Current.CancellationToken)).IsSuccessStatusCode);
        using (Process kill = Process.Start("kill", [$"-{signal}", server.Id.ToString(CultureInfo.InvariantCulture)])) kill.WaitForExit();
        CliResult result = await Cli.EndAsync(server);
        result.ExpectSuccess();
    }
}
