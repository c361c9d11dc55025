using System.Text.Json;

namespace Halfspace.Packages.Tests;

public sealed class ToolTests(PackedFixture packed)
{
    [Fact]
    public async Task The_tool_answers_with_the_model_it_brings()
    {
        string tool = await packed.InstallTool();
        Command info = await Command.Run(tool, packed.Feed, "info", "--json");
        using JsonDocument file = JsonDocument.Parse(info.Out);
        Assert.StartsWith(packed.Tool, file.RootElement.GetProperty("file").GetString(), StringComparison.Ordinal);

        Command answer = await Command.Run(tool, packed.Feed, "run", "The capital of France is", "--raw", "--max-tokens", "4");
        Assert.Equal("", answer.Error);
        Assert.StartsWith("Paris", answer.Out, StringComparison.Ordinal);
    }
}
