using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Halfspace.Runtime.Decoder;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Saved;

/// <summary>What a context depends on: the weights of its model, and how they are run.</summary>
/// <param name="Model">SHA-256 of the tensors' names, sizes and samples of their data.</param>
/// <param name="Reading">SHA-256 of the rotation, the norm's ε, the attention function and the arithmetic.</param>
internal sealed record ModelFingerprint(byte[] Model, byte[] Reading)
{
    private const int SampleBytes = 4096, Samples = 64;

    /// <summary>Both, one after the other.</summary>
    public byte[] Chained => [.. Model, .. Reading];

    public static ModelFingerprint Of(GgufFile file, ModelConfig config, Arithmetic arithmetic)
    {
        using IncrementalHash tensors = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendTensors(tensors, file);
        RotaryOptions r = config.Rotary;
        string reading = string.Create(CultureInfo.InvariantCulture,
            $"{config.Architecture}|{r.Pairing}|{r.Dimensions}|{r.Base:R}|{r.Scaling}|{r.Factor:R}|{r.OriginalContext}|{r.AttentionFactor:R}|"
            + $"{config.NormEpsilon:R}|{config.Function}|{arithmetic}");
        return new ModelFingerprint(tensors.GetHashAndReset(), SHA256.HashData(Encoding.UTF8.GetBytes(reading)));
    }

    /// <summary>Takes in the tensors: names and sizes, and samples of the data, as reading it all would take longer than opening the model.</summary>
    public static void AppendTensors(IncrementalHash hash, GgufFile file)
    {
        Span<byte> number = stackalloc byte[sizeof(long)];
        int each = Math.Max(1, Samples / file.Tensors.Count);
        foreach (GgufTensor tensor in file.Tensors.Values)
        {
            ReadOnlySpan<byte> data = tensor.Data;
            BinaryPrimitives.WriteInt64LittleEndian(number, data.Length);
            hash.AppendData(number);
            hash.AppendData(MemoryMarshal.AsBytes(tensor.Name.AsSpan()));
            for (int i = 0; i < each; i++)
            {
                int start = (int)((long)Math.Max(0, data.Length - SampleBytes) * i / each);
                hash.AppendData(data.Slice(start, Math.Min(SampleBytes, data.Length - start)));
            }
        }
    }
}
