using Halfspace.Tests;

namespace Halfspace.Cli.Tests;

/// <summary>Files that are no models: exit code 1 and one sentence, from every command that opens one.</summary>
public sealed class BadModelTests
{
    private static readonly string[][] Commands = [["run", "Hello", "--model"], ["tokenize", "Hello", "--model"], ["info"]];

    [Fact]
    public Task No_such_file() => ExpectAsync("no-such-model.gguf", "no-such-model.gguf");

    [Fact]
    public async Task An_empty_file()
    {
        using TemporaryFile file = new([]);
        await ExpectAsync(file.Path, Path.GetFileName(file.Path));
    }

    [Fact]
    public async Task A_text_file()
    {
        using TemporaryFile file = new("In the days when the judges ruled there was a famine in the land.\n");
        await ExpectAsync(file.Path, "GGUF");
    }

    [Fact]
    public Task A_folder() => ExpectAsync(AppContext.BaseDirectory);

    [Theory]
    [InlineData(20)]
    [InlineData(1000)]
    [InlineData(1_000_000)]
    [InlineData(60_000_000)]
    public async Task A_truncated_file(int length)
    {
        byte[] bytes = new byte[length];
        using (FileStream whole = File.OpenRead(Repository.EmbeddedModel))
            await whole.ReadExactlyAsync(bytes, TestContext.Current.CancellationToken);
        using TemporaryFile file = new(bytes);
        await ExpectAsync(file.Path, Path.GetFileName(file.Path));
    }

    [Fact]
    public async Task An_unknown_architecture()
    {
        using TemporaryFile file = new(new TinyModel { Architecture = "mamba" }.ToGguf());
        (await Cli.RunAsync("run", "Hello", "--model", file.Path)).ExpectError(1, "'mamba'", "llama, qwen2, qwen3");
    }

    [Fact]
    public async Task An_unknown_tokenizer()
    {
        using TemporaryFile file = new(new TinyModel { TokenizerModel = "bert" }.ToGguf());
        (await Cli.RunAsync("run", "Hello", "--model", file.Path)).ExpectError(1, "bert");
        (await Cli.RunAsync("tokenize", "Hello", "--model", file.Path)).ExpectError(1, "bert");
    }

    [Fact]
    public async Task A_model_without_a_chat_template_offers_raw()
    {
        using TemporaryFile file = new(new TinyModel().ToGguf());
        (await Cli.RunAsync("run", "Hello", "--model", file.Path)).ExpectError(1, "chat template", "--raw");
        CliResult raw = await Cli.RunAsync("run", "Hello", "--model", file.Path, "--raw", "--max-tokens", "2", "--json");
        raw.ExpectSuccess();
        Assert.Equal(5, raw.Json[^1].GetProperty("prompt_tokens").GetInt32());
    }

    private static async Task ExpectAsync(string model, params string[] parts)
    {
        foreach (string[] command in Commands) (await Cli.RunAsync([.. command, model])).ExpectError(1, parts);
    }
}
