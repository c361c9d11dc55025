namespace Halfspace.Runtime.Tests.Gguf;

/// <summary>A file with given bytes that is deleted with this object.</summary>
internal sealed class TemporaryFile : IDisposable
{
    public TemporaryFile(byte[] bytes)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"halfspace-{Guid.NewGuid():n}.gguf");
        File.WriteAllBytes(Path, bytes);
    }

    public string Path { get; }

    public void Dispose() => File.Delete(Path);
}
