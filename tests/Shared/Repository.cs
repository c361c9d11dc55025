using System.Runtime.InteropServices;

namespace Halfspace.Tests;

/// <summary>Files of the repository that tests read.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string EmbeddedModel => File("models/SmolLM2-135M-Instruct.Q4_1.gguf");

    public static string File(string path) => Path.Combine(Root, path);

    public static T[] Golden<T>(string name) where T : unmanaged =>
        MemoryMarshal.Cast<byte, T>(System.IO.File.ReadAllBytes(File($"tests/assets/golden/{name}.bin"))).ToArray();

    public static string GoldenText(string name) => System.IO.File.ReadAllText(File($"tests/assets/golden/{name}.json"));

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (System.IO.File.Exists(Path.Combine(folder.FullName, "Halfspace.slnx"))) return folder.FullName;
        throw new DirectoryNotFoundException("Halfspace.slnx was not found above the tests.");
    }
}
