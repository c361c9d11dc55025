using System.Runtime.InteropServices;
using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Onnx;

namespace Halfspace.Runtime.Weights;

/// <summary>The file beside a graph that holds its initializers' data, each at a multiple of 64 bytes. Written once, front to back.</summary>
internal sealed class WeightFile : IDisposable
{
    private const int Alignment = 64;
    private readonly FileStream _stream;
    private readonly string _name;

    public WeightFile(string path)
    {
        _name = Path.GetFileName(path);
        _stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
    }

    /// <summary>Appends an initializer's data and declares it in the graph.</summary>
    public string Add<T>(GraphBuilder graph, string name, GraphBuilder.Element type, ReadOnlySpan<long> shape, ReadOnlySpan<T> data) where T : unmanaged
    {
        long padding = (Alignment - _stream.Position % Alignment) % Alignment;
        for (long i = 0; i < padding; i++) _stream.WriteByte(0);
        long offset = _stream.Position;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(data);
        _stream.Write(bytes);
        return graph.External(name, type, shape, _name, offset, bytes.Length);
    }

    /// <summary>Appends tensors, dequantised and one behind the other, as one float initializer.</summary>
    public string Floats(GraphBuilder graph, string name, ReadOnlySpan<long> shape, ReadOnlySpan<GgufTensor> parts)
    {
        long count = 0;
        foreach (GgufTensor part in parts) count += part.ElementCount;
        float[] values = new float[count];
        int at = 0;
        foreach (GgufTensor part in parts)
        {
            int length = checked((int)part.ElementCount);
            Dequantizer.Dequantize(part.Type, part.Data, values.AsSpan(at, length));
            at += length;
        }

        return Add<float>(graph, name, GraphBuilder.Element.Float, shape, values);
    }

    public void Dispose() => _stream.Dispose();
}
