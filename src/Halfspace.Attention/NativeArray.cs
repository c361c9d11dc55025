using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>Native memory that starts on a cache line, not cleared. Whoever takes a span keeps the array alive while using it.</summary>
internal sealed unsafe class NativeArray<T> : IDisposable where T : unmanaged
{
    private const nuint CacheLine = 64;
    private T* _first;

    /// <exception cref="OutOfMemoryException">The system has no such memory.</exception>
    public NativeArray(long length)
    {
        nuint bytes = checked((nuint)length * (nuint)sizeof(T));
        bool large = bytes >= HugePages.Size;
        _first = (T*)NativeMemory.AlignedAlloc(bytes, large ? HugePages.Size : CacheLine);
        if (large) HugePages.Advise(_first, bytes);
        Length = length;
    }

    ~NativeArray() => Free();

    public long Length { get; private set; }

    public nint Address => (nint)_first;

    public long Bytes => Length * sizeof(T);

    public Span<T> Slice(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - start);
        return new(_first + start, length);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_first);
        _first = null;
        Length = 0;
    }
}
