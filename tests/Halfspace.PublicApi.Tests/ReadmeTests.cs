using System.Reflection;
using Halfspace.Tests;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;

namespace Halfspace.PublicApi.Tests;

/// <summary>Compiles and runs every C# example of the repository's readme. Those of packages run from the packages, in Halfspace.Packages.Tests.</summary>
public sealed class ReadmeTests
{
    private const string ReadmeFile = "README.md";

    private static readonly string[] _implicitUsings =
        ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Threading", "System.Threading.Tasks"];

    public static TheoryData<int> Examples()
    {
        TheoryData<int> examples = [];
        for (int i = 0; i < Readme.Examples(ReadmeFile).Count; i++) examples.Add(i);
        return examples;
    }

    [Theory, MemberData(nameof(Examples))]
    public async Task An_example_compiles_and_runs(int index)
    {
        string code = Readme.Examples(ReadmeFile)[index];
        Assembly program = Compile(code);
        StringWriter output = new();
        TextWriter before = Console.Out;
        string folder = Environment.CurrentDirectory, work = Directory.CreateTempSubdirectory("halfspace-readme-").FullName;
        Console.SetOut(output);
        Environment.CurrentDirectory = work;
        try
        {
            object? result = program.EntryPoint!.Invoke(null, [Array.Empty<string>()]);
            if (result is Task running) await running;
        }
        finally
        {
            Console.SetOut(before);
            Environment.CurrentDirectory = folder;
            Directory.Delete(work, true);
        }

        if (code.Contains("Console.Write", StringComparison.Ordinal)) Assert.NotEqual("", output.ToString().Trim());
    }

    private static Assembly Compile(string code)
    {
        string usings = string.Concat(_implicitUsings.Select(name => $"global using {name};\n"));
        string trusted = (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!;
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Example" + Guid.NewGuid().ToString("N"),
            [CSharpSyntaxTree.ParseText(code), CSharpSyntaxTree.ParseText(usings)],
            trusted.Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        using MemoryStream image = new();
        EmitResult result = compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return Assembly.Load(image.ToArray());
    }
}
