using System.Text;

namespace Halfspace.Runtime.Tests.Gguf;

/// <summary>Writes a header field by field, so that any field can be wrong. It knows nothing that <c>GgufWriter</c> knows.</summary>
internal sealed class RawGguf
{
    private readonly List<byte> _bytes = [];

    /// <summary>Magic, version and the two counts.</summary>
    public static RawGguf Header(ulong tensors, ulong pairs, uint version = 3) =>
        new RawGguf().Bytes("GGUF"u8).U32(version).U64(tensors).U64(pairs);

    public RawGguf Bytes(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public RawGguf Byte(byte value) => Bytes([value]);

    public RawGguf U32(uint value) => Bytes(BitConverter.GetBytes(value));

    public RawGguf U64(ulong value) => Bytes(BitConverter.GetBytes(value));

    public RawGguf Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return U64((ulong)bytes.Length).Bytes(bytes);
    }

    /// <summary>A tensor's description.</summary>
    public RawGguf Tensor(string name, ulong[] dimensions, uint type, ulong offset)
    {
        Text(name).U32((uint)dimensions.Length);
        foreach (ulong extent in dimensions) U64(extent);
        return U32(type).U64(offset);
    }

    /// <summary>Zeros up to a multiple of 32, then <paramref name="count"/> more.</summary>
    public RawGguf Data(int count)
    {
        while (_bytes.Count % 32 != 0) _bytes.Add(0);
        return Bytes(new byte[count]);
    }

    public byte[] ToArray() => [.. _bytes];
}
