namespace Halfspace.Cli.Tests;

/// <summary>A file of a test's own.</summary>
internal sealed class TemporaryFile : IDisposable
{
    public TemporaryFile(ReadOnlySpan<byte> bytes, string extension = ".gguf")
    {
        Path = System.IO.Path.Combine(AppContext.BaseDirectory, $"test-{Guid.NewGuid():N}{extension}");
        File.WriteAllBytes(Path, bytes);
    }

    public TemporaryFile(string text)
        : this(System.Text.Encoding.UTF8.GetBytes(text), ".txt")
    {
    }

    public string Path { get; }

    public void Dispose() => File.Delete(Path);
}
