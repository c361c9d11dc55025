using Halfspace.Tests;

namespace Halfspace.Packages.Tests;

/// <summary>Each readme's C# runs in a new project that has the package and nothing else.</summary>
public sealed class ExampleTests(PackedFixture packed)
{
    public static TheoryData<string, int> Examples()
    {
        TheoryData<string, int> examples = [];
        foreach (string package in PackedFixture.Libraries)
            for (int i = 0; i < Readme.Examples(PackedFixture.ReadmeOf(package)).Count; i++) examples.Add(package, i);
        return examples;
    }

    public static TheoryData<string> Libraries => [.. PackedFixture.Libraries];

    [Theory, MemberData(nameof(Examples))]
    public async Task An_example_runs(string package, int index)
    {
        Command done = await packed.RunExample(package, index);
        Assert.Equal("", done.Error);
        Assert.NotEqual("", done.Out.Trim());
    }

    [Theory, MemberData(nameof(Libraries))]
    public void A_readme_has_an_example(string package) => Assert.NotEmpty(Readme.Examples(PackedFixture.ReadmeOf(package)));
}
