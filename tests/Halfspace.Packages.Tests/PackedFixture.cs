using System.Reflection;
using System.Xml.Linq;
using Halfspace.Tests;

[assembly: AssemblyFixture(typeof(Halfspace.Packages.Tests.PackedFixture))]

namespace Halfspace.Packages.Tests;

/// <summary>The packages of this build in a folder of their own, and each readme's examples built from them alone.</summary>
public sealed class PackedFixture : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("halfspace-packages-").FullName;

    /// <summary>A version that no other folder of packages can hold.</summary>
    public string Version { get; } = $"0.1.0-test.{DateTime.UtcNow.Ticks}";

    /// <summary>Where the packages are.</summary>
    public string Feed => Path.Combine(_root, "feed");

    /// <summary>Where the tool is installed.</summary>
    public string Tool => Path.Combine(_root, "tool");

    /// <summary>The names of the packages that programs refer to, from the projects of src.</summary>
    public static IReadOnlyList<string> Libraries { get; } =
    [
        .. from project in Directory.EnumerateFiles(Repository.File("src"), "*.csproj", SearchOption.AllDirectories)
           where !XDocument.Load(project).Descendants("PackAsTool").Any()
           select Path.GetFileNameWithoutExtension(project) into name
           orderby name
           select name,
    ];

    /// <summary>The names of all packages.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Libraries, "halfspace"];

    public async ValueTask InitializeAsync()
    {
        try
        {
            await PackAndBuild();
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        // The link first, so that nothing of the repository's goes with it.
        if (Directory.Exists(Path.Combine(_root, "models"))) Directory.Delete(Path.Combine(_root, "models"));
        Directory.Delete(_root, true);
        return ValueTask.CompletedTask;
    }

    /// <summary>A package's readme within the repository.</summary>
    public static string ReadmeOf(string package) => $"src/{package}/README.md";

    /// <summary>Runs a built example in an empty folder.</summary>
    internal Task<Command> RunExample(string package, int index)
    {
        string work = Path.Combine(_root, "work", Name(package, index));
        Directory.CreateDirectory(work);
        return Command.DotNet(work, Path.Combine(_root, Name(package, index), "bin", "Release", "net10.0", Name(package, index) + ".dll"));
    }

    /// <summary>Installs the tool; returns its path.</summary>
    internal async Task<string> InstallTool()
    {
        await Command.DotNet(_root, "tool", "install", "halfspace", "--version", Version, "--tool-path", Tool, "--configfile",
            Path.Combine(_root, "nuget.config"));
        return Path.Combine(Tool, OperatingSystem.IsWindows() ? "halfspace.exe" : "halfspace");
    }

    private async Task PackAndBuild()
    {
        await Command.DotNet(Repository.Root, "pack", Repository.File("Halfspace.slnx"), "--no-build", "--configuration", Built("Configuration"),
            "--output", Feed, $"-p:PackageVersion={Version}");
        new XDocument(new XElement("configuration",
            new XElement("packageSources", new XElement("clear"), Add("halfspace", Feed)),
            new XElement("fallbackPackageFolders", new XElement("clear"), Add("others", Built("PackageFolder"))),
            new XElement("config", Add("globalPackagesFolder", Path.Combine(_root, "packages"))))).Save(Path.Combine(_root, "nuget.config"));

        XElement solution = new("Solution");
        foreach (string package in Libraries)
            for (int i = 0; i < Readme.Examples(ReadmeOf(package)).Count; i++)
                solution.Add(new XElement("Project", new XAttribute("Path", WriteExample(package, i))));
        string examples = Path.Combine(_root, "examples.slnx");
        solution.Save(examples);
        await Command.DotNet(_root, "build", examples, "--configuration", "Release");
        Directory.CreateSymbolicLink(Path.Combine(_root, "models"), Repository.File("models"));
    }

    private string WriteExample(string package, int index)
    {
        string folder = Path.Combine(_root, Name(package, index)), project = Path.Combine(folder, Name(package, index) + ".csproj");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "Program.cs"), Readme.Examples(ReadmeOf(package))[index]);
        new XElement("Project", new XAttribute("Sdk", "Microsoft.NET.Sdk"),
            new XElement("PropertyGroup", new XElement("OutputType", "Exe"), new XElement("TargetFramework", "net10.0"),
                new XElement("ImplicitUsings", "enable"), new XElement("Nullable", "enable")),
            new XElement("ItemGroup", new XElement("PackageReference", new XAttribute("Include", package), new XAttribute("Version", Version))))
            .Save(project);
        return project;
    }

    private static string Name(string package, int index) => $"{package}.Example{index + 1}";

    private static XElement Add(string key, string value) => new("add", new XAttribute("key", key), new XAttribute("value", value));

    private static string Built(string key) =>
        typeof(PackedFixture).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
