using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>The buffers of one thread that attends, grown as needed and reused, and what it counted.</summary>
public sealed class AttentionScratch : IDisposable
{
    private const int LineFloats = 64 / sizeof(float);

    private readonly Buffer<float> _floats = new(), _queries = new(), _products = new(), _biases = new();
    private readonly Buffer<int> _tokens = new();
    private readonly Buffer<nint> _addresses = new();
    private AttentionCounters _counters;
    private SparseStep? _step;
    private SampledTile? _tile;
    private ReluStep? _reluStep;
    private float[] _values = [];
    private int _valuesStart;
    private AttentionState[] _states = [];

    /// <summary>What this thread's attention did since the last reset.</summary>
    public ref AttentionCounters Counters => ref _counters;

    /// <summary>Frees the buffers; the next use grows them again.</summary>
    public void Dispose()
    {
        _floats.Dispose();
        _queries.Dispose();
        _products.Dispose();
        _biases.Dispose();
        _tokens.Dispose();
        _addresses.Dispose();
        _step?.Dispose();
        _step = null;
        _tile?.Dispose();
        _tile = null;
        _reluStep?.Dispose();
        _reluStep = null;
        _values = [];
        _states = [];
    }

    /// <summary>Working floats, whatever they held last. One user at a time.</summary>
    internal Span<float> Floats(long length) => _floats.Grown(length);

    /// <summary>Scaled query rows.</summary>
    internal Span<float> Queries(int length) => _queries.Grown(length);

    /// <summary>Products of query rows with moments.</summary>
    internal Span<float> Products(int length) => _products.Grown(length);

    /// <summary>Biases and ε of rows.</summary>
    internal Span<float> Biases(int length) => _biases.Grown(length);

    /// <summary>Positions or places of keys. One user at a time.</summary>
    internal Span<int> Tokens(int length) => _tokens.Grown(length);

    /// <summary>Addresses of keys.</summary>
    internal Span<nint> Addresses(int length) => _addresses.Grown(length);

    /// <summary>What takes a position after the other on this thread.</summary>
    internal SparseStep Step(HeadAttention attention)
    {
        if (_step?.Attention == attention) return _step;
        _step?.Dispose();
        return _step = SparseStep.For(attention);
    }

    /// <summary>What takes a tile of positions after the other on this thread.</summary>
    internal SampledTile Tile(HeadAttention attention)
    {
        if (_tile?.Attention == attention) return _tile;
        _tile?.Dispose();
        return _tile = new SampledTile(attention);
    }

    /// <summary>The like for ReLU attention.</summary>
    internal ReluStep ReluStep(HeadAttention attention)
    {
        if (_reluStep?.Attention == attention) return _reluStep;
        _reluStep?.Dispose();
        return _reluStep = new ReluStep(attention);
    }

    /// <summary>States of a group's heads.</summary>
    internal Span<AttentionState> States(int length)
    {
        if (_states.Length < length) _states = new AttentionState[length];
        return _states.AsSpan(0, length);
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
}
