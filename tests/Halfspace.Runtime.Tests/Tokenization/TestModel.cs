using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Tests.Tokenization;

/// <summary>The embedded model's tokenizer and the golden data.</summary>
internal static class TestModel
{
    private static readonly Lazy<string> RepositoryRoot = new(() =>
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Halfspace.slnx")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("No folder above the tests holds Halfspace.slnx.");
    });

    private static readonly Lazy<Tokenizer> Embedded = new(() =>
    {
        using GgufFile file = GgufFile.Open(ModelPath);
        return Tokenizer.Create(file);
    });

    public static string ModelPath => Path.Combine(RepositoryRoot.Value, "models", "SmolLM2-135M-Instruct.Q4_1.gguf");

    public static Tokenizer Tokenizer => Embedded.Value;

    public static string Golden(string name) => Path.Combine(RepositoryRoot.Value, "tests", "assets", "golden", name);
}
