using System.Reflection;
using Halfspace.Tests;
using PublicApiGenerator;

namespace Halfspace.PublicApi.Tests;

/// <summary>Each package's public API is a file under docs/api, so that a change of it is seen in a review.</summary>
public sealed class ApiListingTests
{
    private const string Approve = "HALFSPACE_APPROVE";

    [Theory]
    [InlineData("Halfspace.Kernels")]
    [InlineData("Halfspace.Reporting")]
    [InlineData("Halfspace.Attention")]
    [InlineData("Halfspace.Runtime")]
    [InlineData("Halfspace.Server")]
    public void The_listing_is_the_assembly_s_api(string package)
    {
        string api = Assembly.Load(package).GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false }).ReplaceLineEndings("\n") + "\n";
        string path = Repository.File($"docs/api/{package}.txt");
        if (Environment.GetEnvironmentVariable(Approve) == "1") File.WriteAllText(path, api);
        string approved = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        Assert.True(api == approved, $"The public API of {package} is not what docs/api/{package}.txt lists. If it changed on purpose, run the tests "
            + $"of Halfspace.PublicApi.Tests with {Approve}=1 and commit the file.\nFirst difference: {FirstDifference(approved, api)}");
    }

    private static string FirstDifference(string approved, string api)
    {
        string[] before = approved.Split('\n'), after = api.Split('\n');
        int line = 0;
        while (line < before.Length && line < after.Length && before[line] == after[line]) line++;
        return $"line {line + 1}: listed '{before.ElementAtOrDefault(line)}', is '{after.ElementAtOrDefault(line)}'";
    }
}
