[assembly: AssemblyFixture(typeof(Halfspace.Cli.Tests.PackedModel))]

namespace Halfspace.Cli.Tests;

/// <summary>Runs the embedded model once before all tests, so that none of them has to prepare its weights.</summary>
public sealed class PackedModel : IAsyncLifetime
{
    public async ValueTask InitializeAsync()
    {
        CliResult first = await Cli.RunAsync("run", "Hello", "--raw", "--max-tokens", "1");
        Assert.True(first.ExitCode == 0, first.Error);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
