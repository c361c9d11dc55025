using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Decoder;

/// <summary>A tiny model in a temporary file, with a cache of its own.</summary>
internal sealed class TinyModelFile : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("halfspace-tests-").FullName;

    public TinyModelFile(TinyModel model)
    {
        Path = System.IO.Path.Combine(_folder, "tiny.gguf");
        File.WriteAllBytes(Path, model.ToGguf());
    }

    public string Path { get; }

    public string Cache => System.IO.Path.Combine(_folder, "cache");

    public HalfspaceModel Load(Arithmetic arithmetic = Arithmetic.Quantised, int threads = 2) =>
        HalfspaceModel.Load(Path, new ModelOptions { Arithmetic = arithmetic, CacheDirectory = Cache, Threads = threads });

    public void Dispose() => Directory.Delete(_folder, true);
}
