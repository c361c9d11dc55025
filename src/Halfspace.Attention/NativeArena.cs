using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>Native memory that is handed out in parts and freed at once: small parts share large pages. Threads may take at the same time.</summary>
internal sealed unsafe class NativeArena : IDisposable
{
    private const int CacheLine = 64;

    private readonly Lock _gate = new();
    private readonly List<NativeArray<byte>> _slabs = [];
    private long _used;

    /// <summary>All that was asked of the system, in bytes.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                long bytes = 0;
                foreach (NativeArray<byte> slab in _slabs) bytes += slab.Bytes;
                return bytes;
            }
        }
    }

    /// <summary>Memory from the start of a cache line on, not cleared.</summary>
    /// <exception cref="OutOfMemoryException">The system has no such memory.</exception>
    public NativePart<T> Take<T>(long length) where T : unmanaged
    {
        lock (_gate)
        {
            long wanted = ((length * sizeof(T)) + CacheLine - 1) / CacheLine * CacheLine;
            if (_slabs.Count == 0 || _slabs[^1].Length - _used < wanted)
            {
                _slabs.Add(new NativeArray<byte>(Math.Max(HugePages.Size, wanted)));
                _used = 0;
            }
            Span<byte> part = _slabs[^1].Slice(_used, checked((int)wanted));
            _used += wanted;
            return new NativePart<T>((T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(part)), length);
        }
    }

    /// <summary>Memory with what another part holds, and not cleared beyond that.</summary>
    /// <param name="from">What is copied.</param>
    /// <param name="length">At least its length.</param>
    /// <exception cref="OutOfMemoryException">The system has no such memory.</exception>
    public NativePart<T> Copy<T>(NativePart<T> from, long length) where T : unmanaged
    {
        NativePart<T> copy = Take<T>(length);
        from.Slice(0, checked((int)from.Length)).CopyTo(copy.Slice(0, checked((int)from.Length)));
        return copy;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (NativeArray<byte> slab in _slabs) slab.Dispose();
            _slabs.Clear();
        }
    }
}

/// <summary>A part of an arena; valid as long as that is.</summary>
internal readonly unsafe struct NativePart<T> where T : unmanaged
{
    private readonly T* _first;

    public NativePart(T* first, long length)
    {
        _first = first;
        Length = length;
    }

    public long Length { get; }

    public nint Address => (nint)_first;

    public Span<T> Slice(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - start);
        return new(_first + start, length);
    }
}
