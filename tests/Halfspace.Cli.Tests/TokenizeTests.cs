using System.Text.Json;
using Halfspace.Tests;

namespace Halfspace.Cli.Tests;

/// <summary><c>halfspace tokenize</c> and <c>halfspace info</c>.</summary>
public sealed class TokenizeTests
{
    [Fact]
    public async Task Golden_texts_go_to_their_ids_and_back()
    {
        // The tokenizer's own tests take all of them; here it is about the way through the program.
        JsonElement[] golden = [.. JsonDocument.Parse(Repository.GoldenText("tokenizer")).RootElement.EnumerateArray()];
        JsonElement longest = golden.MaxBy(item => item.GetProperty("text").GetString()!.Length);
        JsonElement special = golden.First(item => item.GetProperty("text").GetString()!.Contains("<|im_end|>", StringComparison.Ordinal));
        foreach (JsonElement item in (JsonElement[])[longest, special])
        {
            string text = item.GetProperty("text").GetString()!;
            int[] ids = [.. item.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            CliResult encoded = await Cli.RunAsync(text, ["tokenize"]);
            encoded.ExpectSuccess();
            Assert.Equal(string.Join(' ', ids) + "\n", encoded.Out);
            CliResult decoded = await Cli.RunAsync(encoded.Out, ["tokenize", "-", "--decode", "--json"]);
            decoded.ExpectSuccess();
            Assert.Equal(text, decoded.Json[0].GetProperty("text").GetString());
            Assert.Equal(ids, decoded.Json[0].GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()));
        }
    }

    [Fact]
    public async Task An_id_beyond_the_vocabulary_is_refused() =>
        (await Cli.RunAsync("tokenize", "5, 49152", "--decode")).ExpectError(1, "49152", "49151");

    [Fact]
    public async Task Info_describes_the_embedded_model()
    {
        CliResult result = await Cli.RunAsync("info", "--json");
        result.ExpectSuccess();
        JsonElement info = Assert.Single(result.Json);
        Assert.Equal("llama", info.GetProperty("architecture").GetString());
        Assert.Equal(30, info.GetProperty("layers").GetInt32());
        Assert.Equal(8192, info.GetProperty("trained_context").GetInt32());
        Assert.Equal(2 * 2 * 30 * 3 * 64, info.GetProperty("kv_bytes_per_token").GetInt32());
        Assert.True(info.GetProperty("chat_template").GetBoolean());
        Assert.Contains(info.GetProperty("tensors").EnumerateArray(), group => group.GetProperty("type").GetString() == "Q4_1");

        CliResult people = await Cli.RunAsync("info", Repository.EmbeddedModel);
        people.ExpectSuccess();
        foreach (string part in (string[])["30 of width 576", "210 of Q4_1", "cache folder"])
            Assert.Contains(part, people.Out, StringComparison.Ordinal);
    }
}
