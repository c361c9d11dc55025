using System.Runtime.InteropServices;
using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Operators;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Halfspace.Runtime.Decoder;

/// <summary>The inputs and the output of runs of the decoder's graph, in native memory that grows, and their bindings.</summary>
internal sealed unsafe class DecoderBuffers : IDisposable
{
    // Decode steps of one and of several contexts come in these shapes again and again.
    private const int KeptShapes = 64;

    private readonly DecoderSession _session;
    private readonly RunOptions _options = new();
    private long* _handle;
    private readonly Binding?[] _kept = new Binding?[KeptShapes + 1];
    private float* _embeddings, _logits;
    private long* _rows;
    private int _tokenCapacity, _rowCapacity;
    private Binding? _other;

    /// <param name="session">The decoder.</param>
    /// <param name="attention">The handle of what executes its attention.</param>
    public DecoderBuffers(DecoderSession session, long attention)
    {
        _session = session;
        _handle = (long*)NativeMemory.Alloc(sizeof(long));
        *_handle = attention;
    }

    private int Vocabulary => _session.Config.Vocabulary;

    /// <summary>The logits of the last run's row <paramref name="index"/>, [vocabulary].</summary>
    public ReadOnlySpan<float> Logits(int index) => new(_logits + (long)index * Vocabulary, Vocabulary);

    /// <summary>Room for one row of logits, [vocabulary].</summary>
    public Span<float> OneRow()
    {
        if (_rowCapacity == 0) Grow(1, 1);
        return new(_logits, Vocabulary);
    }

    /// <summary>Writes the tokens' rows of the embedding table; <see cref="Bind"/> has made room for them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A token id is not in the vocabulary.</exception>
    public void Embed(ReadOnlySpan<int> tokens)
    {
        GgufTensor table = _session.TokenEmbeddings;
        int hidden = _session.Config.Hidden;
        for (int i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)Vocabulary)
                throw new ArgumentOutOfRangeException(nameof(tokens), tokens[i], $"a token id must be below the vocabulary's {Vocabulary}");
            Dequantizer.Dequantize(table.Type, table.Row(tokens[i]), new Span<float>(_embeddings + (long)i * hidden, hidden));
        }
    }

    /// <summary>Runs the graph once.</summary>
    /// <param name="binding">What <see cref="Bind"/> returned.</param>
    /// <param name="attention">What executes its attention.</param>
    /// <param name="cancellation">Ends the run between two operators.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    /// <exception cref="ModelException">Attention failed.</exception>
    public void Run(OrtIoBinding binding, IAttentionRun attention, CancellationToken cancellation)
    {
        try
        {
            using (cancellation.UnsafeRegister(static run => ((RunOptions)run!).Terminate = true, _options))
                _session.Session.RunWithBinding(_options, binding);
        }
        catch (OnnxRuntimeException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (OnnxRuntimeException) when (attention.Failure is not null)
        {
            throw new ModelException($"Attention failed: {attention.Failure.Message}", attention.Failure);
        }
        finally
        {
            _options.Terminate = false;
        }
    }

    /// <summary>The binding for a number of tokens, the last <paramref name="rows"/> of which get logits. Few tokens that all get logits are
    /// kept for good, and the last other shape.</summary>
    public OrtIoBinding Bind(int tokens, int rows)
    {
        if (tokens > _tokenCapacity || rows > _rowCapacity) Grow(tokens, rows);
        for (int i = 0; i < rows; i++) _rows[i] = tokens - rows + i;
        ref Binding? place = ref tokens == rows && rows <= KeptShapes ? ref _kept[rows] : ref _other;
        if (place is { } known && known.Tokens == tokens && known.Rows == rows) return known.Io;
        place?.Dispose();
        place = null;
        place = new Binding(_session, tokens, rows, _embeddings, _handle, _rows, _logits);
        return place.Io;
    }

    public void Dispose()
    {
        if (_handle is null) return;
        _options.Dispose();
        Unbind();
        NativeMemory.Free(_handle);
        _handle = null;
        NativeMemory.AlignedFree(_embeddings);
        NativeMemory.AlignedFree(_rows);
        NativeMemory.AlignedFree(_logits);
        _embeddings = _logits = null;
        _rows = _handle = null;
    }

    private void Unbind()
    {
        foreach (Binding? binding in _kept) binding?.Dispose();
        Array.Clear(_kept);
        _other?.Dispose();
        _other = null;
    }

    private void Grow(int tokens, int rows)
    {
        Unbind();
        _tokenCapacity = Math.Max(tokens, _tokenCapacity);
        _rowCapacity = Math.Max(rows, _rowCapacity);
        Renew(ref _embeddings, (long)_tokenCapacity * _session.Config.Hidden);
        Renew(ref _logits, (long)_rowCapacity * Vocabulary);
        NativeMemory.AlignedFree(_rows);
        _rows = null;
        _rows = (long*)NativeMemory.AlignedAlloc((nuint)_rowCapacity * sizeof(long), 64);
    }

    private static void Renew(ref float* buffer, long count)
    {
        NativeMemory.AlignedFree(buffer);
        buffer = null;
        buffer = (float*)NativeMemory.AlignedAlloc((nuint)(count * sizeof(float)), 64);
    }

    /// <summary>The graph's inputs and output, bound to the buffers for one shape.</summary>
    private sealed class Binding : IDisposable
    {
        private readonly OrtValue[] _values;

        public Binding(DecoderSession session, int tokens, int rows, float* embeddings, long* handle, long* rowIndices, float* logits)
        {
            Tokens = tokens;
            Rows = rows;
            int hidden = session.Config.Hidden, vocabulary = session.Config.Vocabulary;
            _values =
            [
                Value(embeddings, TensorElementType.Float, [tokens, hidden], sizeof(float)),
                Value(handle, TensorElementType.Int64, [1], sizeof(long)),
                Value(rowIndices, TensorElementType.Int64, [rows], sizeof(long)),
                Value(logits, TensorElementType.Float, [rows, vocabulary], sizeof(float)),
            ];
            Io = session.Session.CreateIoBinding();
            Io.BindInput(DecoderGraph.Embeddings, _values[0]);
            Io.BindInput(DecoderGraph.Run, _values[1]);
            Io.BindInput(DecoderGraph.Rows, _values[2]);
            Io.BindOutput(DecoderGraph.Logits, _values[3]);
        }

        public int Tokens { get; }

        public int Rows { get; }

        public OrtIoBinding Io { get; }

        public void Dispose()
        {
            Io.Dispose();
            foreach (OrtValue value in _values) value.Dispose();
        }

        private static OrtValue Value(void* data, TensorElementType type, long[] shape, int size)
        {
            long count = 1;
            foreach (long dimension in shape) count *= dimension;
            return OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, shape, (nint)data, count * size);
        }
    }
}
