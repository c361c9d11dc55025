namespace Halfspace.Attention;

/// <summary>Native memory that grows and is reused; what it held before growing is lost.</summary>
internal sealed class Buffer<T> : IDisposable where T : unmanaged
{
    private NativeArray<T>? _array;

    /// <summary>All that was last asked for.</summary>
    public Span<T> All => _array is null ? [] : _array.Slice(0, Length);

    private int Length { get; set; }

    /// <summary>So many numbers, whatever they are.</summary>
    /// <exception cref="InsufficientMemoryException">That is more than one buffer can hold.</exception>
    public Span<T> Grown(long length)
    {
        if (length > int.MaxValue)
            throw new InsufficientMemoryException($"Attention needs {length} numbers of scratch at once; use a shorter context.");
        if (_array is null || _array.Length < length)
        {
            long grown = Math.Max(length, 2 * (_array?.Length ?? 0));
            _array?.Dispose();
            _array = null;
            _array = new NativeArray<T>(grown);
        }
        Length = (int)length;
        return All;
    }

    public void Dispose()
    {
        _array?.Dispose();
        _array = null;
        Length = 0;
    }
}
