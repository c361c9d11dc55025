using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>How fast the threads read memory: the sum of a buffer much larger than the caches.</summary>
internal sealed unsafe class MemoryRead : IDisposable
{
    /// <summary>The buffer's size.</summary>
    public const long Bytes = 256L << 20;

    private const int Piece = 1 << 20;

    private readonly WorkerPool _pool;
    private readonly Action<int, int> _work;
    private readonly float[] _sums;
    private float* _buffer = (float*)NativeMemory.AlignedAlloc((nuint)Bytes, 64);

    public MemoryRead(WorkerPool pool)
    {
        _pool = pool;
        _work = Sum;
        _sums = new float[pool.Threads];
        for (long at = 0; at < Bytes; at += Piece) new Span<byte>((byte*)_buffer + at, Piece).Clear();
    }

    ~MemoryRead() => Free();

    /// <summary>What the threads summed; read so that they must.</summary>
    public float Total => _sums.Sum();

    /// <summary>Reads it all once. The pool is open.</summary>
    public void Run() => _pool.Run((int)(Bytes / Piece), _work);

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Sum(int piece, int worker) => _sums[worker] +=
        TensorPrimitives.Sum(new ReadOnlySpan<float>((byte*)_buffer + ((long)piece * Piece), Piece / sizeof(float)));

    private void Free()
    {
        NativeMemory.AlignedFree(_buffer);
        _buffer = null;
    }
}
