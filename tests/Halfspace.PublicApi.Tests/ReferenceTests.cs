using System.Reflection;

namespace Halfspace.PublicApi.Tests;

public sealed class ReferenceTests
{
    private static readonly string[] _order = ["Halfspace.Kernels", "Halfspace.Reporting", "Halfspace.Attention", "Halfspace.Runtime", "Halfspace.Server"];

    [Fact]
    public void References_point_one_way()
    {
        for (int i = 0; i < _order.Length; i++)
            foreach (AssemblyName reference in Assembly.Load(_order[i]).GetReferencedAssemblies())
                Assert.DoesNotContain(reference.Name, _order[i..]);
    }

    [Theory]
    [InlineData("Halfspace.Kernels")]
    [InlineData("Halfspace.Reporting")]
    [InlineData("Halfspace.Attention")]
    public void Below_the_runtime_there_is_only_the_framework(string package)
    {
        string[] refused = ["System.Text.Json", "Microsoft.", "Google."];
        foreach (AssemblyName reference in Assembly.Load(package).GetReferencedAssemblies())
            Assert.DoesNotContain(refused, name => reference.Name!.StartsWith(name, StringComparison.Ordinal));
    }
}
