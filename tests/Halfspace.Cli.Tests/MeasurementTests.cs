using System.Text.Json;
using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Tokenization;
using Halfspace.Tests;

namespace Halfspace.Cli.Tests;

/// <summary><c>halfspace perplexity</c> and <c>halfspace bench</c>.</summary>
public sealed class MeasurementTests
{
    [Fact]
    public async Task Dense_perplexity_is_the_reference_s()
    {
        const int Tokens = 300;
        using GgufFile file = GgufFile.Open(Repository.EmbeddedModel);
        ReadOnlySpan<int> ids = Repository.Golden<int>("ids").AsSpan(0, Tokens + 200);
        using TemporaryFile text = new(Tokenizer.Create(file).Decode(ids, skipSpecial: false));
        CliResult result = await Cli.RunAsync("perplexity", text.Path, "--tokens", "300", "--attention", "dense", "--json");
        result.ExpectSuccess();
        JsonElement report = Assert.Single(result.Json);
        Assert.Equal(Tokens, report.GetProperty("tokens").GetInt32());
        double nll = report.GetProperty("nll").GetDouble();
        Assert.InRange(nll - Repository.Golden<float>("nll").Take(Tokens - 1).Average(x => (double)x), -0.02, 0.02);
        Assert.Equal(Math.Exp(nll), report.GetProperty("perplexity").GetDouble(), 1e-9);
        Assert.False(report.TryGetProperty("kl", out _));
    }

    [Fact]
    public async Task Sparse_perplexity_is_compared_with_dense()
    {
        string ruth = Repository.File("samples/ruth.txt");
        string[] args = ["perplexity", ruth, "--offset", "500", "--tokens", "2300", "--last", "40", "--keys", "32", "--json"];
        CliResult result = await Cli.RunAsync(args);
        result.ExpectSuccess();
        JsonElement report = Assert.Single(result.Json);
        double Number(string name) => report.GetProperty(name).GetDouble();
        Assert.Equal(2300, Number("tokens"));
        Assert.Equal(40, Number("scored"));
        // A head reports 32, its group up to three times as many.
        Assert.InRange(Number("keys_per_head"), 32 + 4 + 64, (3 * 32) + 4 + 64 + 16);
        Assert.InRange(Number("kl"), 1e-6, 0.1);
        Assert.InRange(Number("top1_agreement"), 0.8, 1);
        Assert.InRange(Number("nll") - Number("nll_dense"), -0.1, 0.1);
    }

    [Fact]
    public async Task With_enough_keys_sparse_is_dense()
    {
        string ruth = Repository.File("samples/ruth.txt");
        CliResult result = await Cli.RunAsync("perplexity", ruth, "--tokens", "100", "--last", "1000", "--json");
        result.ExpectSuccess();
        JsonElement report = Assert.Single(result.Json);
        Assert.Equal(99, report.GetProperty("scored").GetInt32());
        Assert.Equal(report.GetProperty("nll_dense").GetDouble(), report.GetProperty("nll").GetDouble(), 1e-3);
        // What float16 leaves of a divergence of nothing.
        Assert.InRange(report.GetProperty("kl").GetDouble(), -1e-3, 1e-3);
        Assert.Equal(1, report.GetProperty("top1_agreement").GetDouble());
    }

    [Fact]
    public async Task Perplexity_needs_text_at_the_offset_and_room()
    {
        string ruth = Repository.File("samples/ruth.txt");
        (await Cli.RunAsync("perplexity", ruth, "--offset", "99999999")).ExpectError(1, "--offset");
        (await Cli.RunAsync("perplexity", ruth, "--tokens", "200", "--context", "100")).ExpectError(1, "199", "100");
        (await Cli.RunAsync("perplexity", "no-such-text.txt")).ExpectError(1, "no-such-text.txt");
    }

    [Fact]
    public async Task Bench_prints_a_line_for_each_attention_and_depth()
    {
        CliResult result = await Cli.RunAsync("bench", "--depth", "16,40", "--decode", "3", "--threads", "1", "--json");
        result.ExpectSuccess();
        JsonElement[] lines = result.Json;
        Assert.Equal(
            [("dense", 16), ("dense", 40), ("sparse", 16), ("sparse", 40)],
            lines.Select(line => (line.GetProperty("attention").GetString()!, line.GetProperty("depth").GetInt32())));
        foreach (JsonElement line in lines)
        {
            Assert.Equal("halfspace", line.GetProperty("engine").GetString());
            Assert.Equal("SmolLM2-135M-Instruct.Q4_1.gguf", line.GetProperty("model").GetString());
            Assert.Equal(1, line.GetProperty("threads").GetInt32());
            Assert.True(line.GetProperty("prefill_tokens_per_s").GetDouble() > 0);
            Assert.True(line.GetProperty("decode_ms").GetDouble() >= line.GetProperty("decode_ms_min").GetDouble());
            int depth = line.GetProperty("depth").GetInt32();
            Assert.InRange(line.GetProperty("keys_per_head").GetDouble(), depth + 1, depth + 3);
        }
    }

    [Fact]
    public async Task Bench_repeats_each_measurement_and_says_what_memory_it_holds()
    {
        CliResult result = await Cli.RunAsync("bench", "--depth", "16,40", "--decode", "2", "--repeat", "3", "--attention", "dense", "--json");
        result.ExpectSuccess();
        JsonElement[] lines = result.Json;
        // Three lines of a depth are not three depths: no exponent is fitted.
        Assert.Equal([16, 16, 16, 40, 40, 40], lines.Select(line => line.GetProperty("depth").GetInt32()));
        // Megabytes and no other unit. How much of the mapped weights is in memory is the machine's affair.
        Assert.All(lines, line => Assert.InRange(line.GetProperty("memory_mb").GetDouble(), 10, 20_000));
    }

    [Fact]
    public async Task Bench_prints_a_table_for_people()
    {
        CliResult result = await Cli.RunAsync("bench", "--depth", "8", "--decode", "2", "--attention", "sparse");
        result.ExpectSuccess();
        Assert.Contains("decode ms", result.Out, StringComparison.Ordinal);
        Assert.Contains("sparse", result.Out, StringComparison.Ordinal);
    }
}
