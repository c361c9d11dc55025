using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>The buffers of one thread that attends, grown as needed and reused, and what it counted.</summary>
public sealed class AttentionScratch : IDisposable
{
    private const int LineFloats = 64 / sizeof(float);

    private AttentionCounters _counters;
    private NativeArray<float>? _floats;
    private NativeArray<float>? _queries;
    private NativeArray<float>? _products;
    private NativeArray<int>? _tokens;
    private HeadMoments? _moments;
    private float[] _values = [];
    private int _valuesStart;
    private AttentionState[] _states = [];

    /// <summary>What this thread's attention did since the last reset.</summary>
    public ref AttentionCounters Counters => ref _counters;

    /// <summary>Frees the buffers; the next use grows them again.</summary>
    public void Dispose()
    {
        Free(ref _floats);
        Free(ref _queries);
        Free(ref _products);
        Free(ref _tokens);
        _moments?.Dispose();
        _moments = null;
        _values = [];
        _states = [];
    }

    /// <summary>Working floats, whatever they held last. One user at a time.</summary>
    internal Span<float> Floats(long length) => Grown(ref _floats, length);

    /// <summary>Scaled query rows.</summary>
    internal Span<float> Queries(int length) => Grown(ref _queries, length);

    /// <summary>Products of query rows with moments.</summary>
    internal Span<float> Products(int length) => Grown(ref _products, length);

    /// <summary>Positions of keys.</summary>
    internal Span<int> Tokens(int length) => Grown(ref _tokens, length);

    /// <summary>States of a group's heads.</summary>
    internal Span<AttentionState> States(int length)
    {
        if (_states.Length < length) _states = new AttentionState[length];
        return _states.AsSpan(0, length);
    }

    /// <summary>Moments of one tile's rows.</summary>
    internal HeadMoments Moments(int dim)
    {
        if (_moments?.Dim != dim)
        {
            _moments?.Dispose();
            _moments = new HeadMoments(dim);
        }
        return _moments;
    }

    /// <summary>The values of states, from the start of a cache line; whatever they held last.</summary>
    internal unsafe Memory<float> Values(int length)
    {
        if (_values.Length - LineFloats < length)
        {
            _values = GC.AllocateUninitializedArray<float>(length + LineFloats, pinned: true);
            nuint address = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_values));
            _valuesStart = (int)((0 - (nint)address) & 63) / sizeof(float);
        }
        return _values.AsMemory(_valuesStart, length);
    }

    private static Span<T> Grown<T>(ref NativeArray<T>? buffer, long length) where T : unmanaged
    {
        if (buffer is null || buffer.Length < length)
        {
            long grown = Math.Max(length, (buffer?.Length ?? 0) * 2);
            Free(ref buffer);
            if (length > int.MaxValue)
                throw new InsufficientMemoryException($"Attention needs {length} numbers of scratch at once; use a shorter context.");
            buffer = new NativeArray<T>(grown);
        }
        return buffer.Slice(0, (int)length);
    }

    private static void Free<T>(ref NativeArray<T>? buffer) where T : unmanaged
    {
        buffer?.Dispose();
        buffer = null;
    }
}
