using System.Text.Json;
using Halfspace.Tests;

namespace Halfspace.Cli.Tests;

/// <summary><c>halfspace bench attention</c>. What it times is not looked at.</summary>
public sealed class AttentionBenchTests
{
    private static readonly string[] _kernels = ["sparse", "dense", "scan-float", "onnxruntime-gqa"];

    private static string Golden { get; } = Repository.File("tests/assets/golden");

    [Fact]
    public async Task Every_kernel_is_near_the_oracle()
    {
        // Past the recorded 8,192 keys they repeat with noise.
        CliResult result = await Cli.RunAsync("bench", "attention", "--keys", "4096,9000", "--rounds", "3", "--golden", Golden, "--json");
        result.ExpectSuccess();
        JsonElement[] lines = result.Json;
        int[] keys = [4096, 9000];
        Assert.Equal(keys.Length * (_kernels.Length + 1), lines.Length);
        for (int i = 0; i < keys.Length; i++)
        {
            JsonElement[] own = lines[(i * (_kernels.Length + 1))..((i + 1) * (_kernels.Length + 1))];
            Assert.Equal(_kernels, own[..^1].Select(line => line.GetProperty("kernel").GetString()));
            foreach (JsonElement line in own[..^1]) ExpectKernel(line, keys[i]);
            ExpectRoofline(own, keys[i]);
        }
    }

    private static void ExpectKernel(JsonElement line, int keys)
    {
        double Number(string name) => line.GetProperty(name).GetDouble();
        bool sparse = line.GetProperty("kernel").GetString() == "sparse";
        Assert.Equal((keys, 9, 3, 64), (Number("keys"), Number("heads"), Number("kv_heads"), Number("dim")));
        Assert.InRange(Number("us_min"), 0.001, Number("us"));
        Assert.True(Number("pairs_per_s") > 0);
        Assert.InRange(Number("rel_error_mean"), 1e-9, sparse ? 0.1 : 1e-3);
        Assert.InRange(Number("rel_error_max"), Number("rel_error_mean"), sparse ? 1 : 1e-3);
        if (sparse) Assert.True(Number("certificate_mean") > Number("rel_error_mean"));
        else Assert.Equal(JsonValueKind.Null, line.GetProperty("certificate_mean").ValueKind);
        // Three rounds at the last positions see all keys but 1 on average.
        if (sparse) Assert.InRange(Number("keys_reported"), 4 + 64, keys / 4);
        else Assert.Equal(keys - 1, Number("keys_reported"));
        double dense = 3 * (keys - 1) * 2 * 64.0 * sizeof(float);
        Assert.InRange(Number("bytes"), 1, dense);
        if (line.GetProperty("kernel").GetString() is "scan-float" or "onnxruntime-gqa") Assert.Equal(dense, Number("bytes"));
    }

    private static void ExpectRoofline(JsonElement[] lines, int keys)
    {
        JsonElement roofline = lines[^1];
        Assert.True(roofline.GetProperty("roofline").GetBoolean());
        Assert.Equal(keys, roofline.GetProperty("keys").GetInt32());
        Assert.Equal(3, roofline.GetProperty("rounds").GetInt32());
        Assert.Equal([11], roofline.GetProperty("layers").EnumerateArray().Select(layer => layer.GetInt32()));
        Assert.Equal("paper:0.5", roofline.GetProperty("policy").GetString());
        Assert.InRange(roofline.GetProperty("read_gb_per_s").GetDouble(), 0.01, roofline.GetProperty("read_gb_per_s_max").GetDouble());
        foreach (JsonElement line in lines[..^1])
        {
            string kernel = line.GetProperty("kernel").GetString()!;
            Assert.Equal(line.GetProperty("bytes").GetInt64(), roofline.GetProperty("bytes").GetProperty(kernel).GetInt64());
            Assert.True(roofline.GetProperty("bandwidth_share").GetProperty(kernel).GetDouble() > 0);
        }
    }

    [Fact]
    public async Task A_policy_chooses_the_keys()
    {
        string[] args = ["bench", "attention", "--keys", "4096", "--rounds", "2", "--golden", Golden, "--json", "--policy"];
        async Task<JsonElement> Sparse(string policy)
        {
            CliResult result = await Cli.RunAsync(null, [.. args, policy]);
            result.ExpectSuccess();
            Assert.Equal(policy, result.Json[^1].GetProperty("policy").GetString());
            return result.Json[0];
        }

        // No score reaches 1,000 nats: sinks and the window are left. A score of −1,000 every key has.
        JsonElement none = await Sparse("fixed:1000"), all = await Sparse("fixed:-1000");
        Assert.InRange(none.GetProperty("keys_reported").GetDouble(), 4 + 64, 4 + 64 + 16);
        Assert.InRange(all.GetProperty("keys_reported").GetDouble(), 4094, 4096);
        Assert.True(none.GetProperty("rel_error_mean").GetDouble() > 10 * all.GetProperty("rel_error_mean").GetDouble());
    }

    [Theory]
    [InlineData("1")]
    [InlineData("3")]
    public async Task The_table_says_what_was_measured(string threads)
    {
        CliResult result = await Cli.RunAsync(
            "bench", "attention", "--keys", "512", "--rounds", "2", "--golden", Golden, "--threads", threads);
        result.ExpectSuccess();
        foreach (string part in (string[])["of layer 11", $"{threads} threads", "paper:0.5", "GB/s", .. _kernels])
            Assert.Contains(part, result.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--keys 100", "--keys", "100")]
    [InlineData("--keys 8192,many", "--keys", "8192,many")]
    [InlineData("--policy best", "--policy", "best")]
    [InlineData("--policy budget:0", "--policy", "budget:0")]
    [InlineData("--policy mass:1", "--policy", "mass:1")]
    [InlineData("--policy fixed:NaN", "--policy", "fixed:NaN")]
    [InlineData("--rounds 0", "--rounds", "0")]
    [InlineData("--threads 0", "--threads", "0")]
    public async Task A_value_that_is_not_possible_is_named(string what, params string[] args) =>
        (await Cli.RunAsync(null, ["bench", "attention", .. args]))
            .ExpectError(2, $"{what} is not possible; give ", "See halfspace bench attention --help.");

    [Fact]
    public async Task Golden_data_must_be_there_and_whole()
    {
        string folder = Directory.CreateTempSubdirectory("halfspace-golden").FullName;
        try
        {
            string[] args = ["bench", "attention", "--keys", "512", "--golden", folder];
            (await Cli.RunAsync(null, args)).ExpectError(1, "No golden keys", folder, "--golden");
            string keys = Path.Combine(folder, "layer11.k.bin");
            await File.WriteAllBytesAsync(keys, new byte[100], TestContext.Current.CancellationToken);
            (await Cli.RunAsync(null, args)).ExpectError(1, "layer11.k.bin has 100 bytes");
            await File.WriteAllBytesAsync(keys, new byte[64 * 2 * 300], TestContext.Current.CancellationToken);
            (await Cli.RunAsync(null, args)).ExpectError(1, "layer11.v.bin was not found");
            File.Copy(Path.Combine(Golden, "layer11.v.bin"), Path.Combine(folder, "layer11.v.bin"));
            File.Copy(Path.Combine(Golden, "layer11.q.bin"), Path.Combine(folder, "layer11.q.bin"));
            (await Cli.RunAsync(null, args)).ExpectError(1, "layer 11", "do not belong together");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
