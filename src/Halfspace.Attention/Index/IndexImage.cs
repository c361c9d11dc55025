using System.Buffers;
using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>The numbers of an index as they are written: docs/format.md has the order of the parts.</summary>
internal static class IndexImage
{
    /// <summary>Parts lie at multiples of it, from the first one on.</summary>
    public const int Alignment = 64;

    /// <summary>What is wrong with an image that passes for an index and is none.</summary>
    public static InvalidDataException Unfit() => new("An index does not fit its tokens.");

    /// <summary>A head's index.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 8)]
    public struct Head
    {
        public int Tokens, Fitted, Clusters, Usable;
        public double ValueNorm;
        public float KeyScale, ValueScale;
    }

    /// <summary>How much its scores vary.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 8)]
    public struct Spread
    {
        public int Count;
        public float Unit;
    }

    /// <summary>A cluster of it.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 8)]
    public struct Cluster
    {
        public int Count;
        public float LargestResidual;
        public double LargestKey, LargestValue, MeanSquareResidual, KeyCentreNorm, ValueCentreNorm, SpreadBound, SpreadAdded, SpreadTrace;
    }
}

/// <summary>Writes the parts of an image, each filled up with zeros to the next multiple of 64 bytes.</summary>
internal readonly struct IndexImageWriter(IBufferWriter<byte> to)
{
    public void Write<T>(T value) where T : unmanaged => Write(new ReadOnlySpan<T>(in value));

    public void Write<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        to.Write(bytes);
        Span<byte> zeros = stackalloc byte[IndexImage.Alignment];
        zeros.Clear();
        to.Write(zeros[..(-bytes.Length & (IndexImage.Alignment - 1))]);
    }
}

/// <summary>Hands out the parts of an image where they lie, within its bounds.</summary>
internal sealed unsafe class IndexImageReader(nint address, long bytes)
{
    private readonly byte* _first = (byte*)address;
    private long _at;

    /// <exception cref="InvalidDataException">The image ends before.</exception>
    public T Read<T>() where T : unmanaged => Take<T>(1).Slice(0, 1)[0];

    /// <exception cref="InvalidDataException">The image ends before.</exception>
    public NativePart<T> Take<T>(long length) where T : unmanaged
    {
        long wanted = checked(length * sizeof(T));
        if (wanted > bytes - _at) throw IndexImage.Unfit();
        NativePart<T> part = new((T*)(_first + _at), length);
        _at = Math.Min(bytes, (_at + wanted + IndexImage.Alignment - 1) / IndexImage.Alignment * IndexImage.Alignment);
        return part;
    }
}
