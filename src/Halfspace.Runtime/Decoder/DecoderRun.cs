using System.Runtime.InteropServices;
using Halfspace.Attention;
using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Operators;
using Microsoft.ML.OnnxRuntime;

namespace Halfspace.Runtime.Decoder;

/// <summary>One run of the decoder's graph at a time: its input and output buffers and the attention operator's state.</summary>
public sealed unsafe class DecoderRun : IDisposable
{
    private readonly DecoderSession _session;
    private readonly AttentionRun _attention;
    private readonly RunOptions _options = new();
    private long* _handle;
    private float* _embeddings, _logits;
    private long* _rows;
    private int _tokenCapacity, _rowCapacity;
    private Binding? _single, _other;

    internal DecoderRun(DecoderSession session)
    {
        _session = session;
        _attention = new AttentionRun(session.Config.Attention, session.Rotary, session.Threads);
        _handle = (long*)NativeMemory.Alloc(sizeof(long));
        *_handle = _attention.Handle;
    }

    /// <summary>The logits of the last run's row <paramref name="index"/>, [vocabulary]; valid until the next run.</summary>
    public ReadOnlySpan<float> Logits(int index) => index >= 0 && index < LogitRows
        ? new ReadOnlySpan<float>(_logits + (long)index * _session.Config.Vocabulary, _session.Config.Vocabulary)
        : throw new ArgumentOutOfRangeException(nameof(index), index, $"the last run gave logits of {LogitRows} rows");

    /// <summary>Rows of the last run that have logits.</summary>
    public int LogitRows { get; private set; }

    /// <summary>Runs tokens through the decoder, appending their keys and values to the cache.</summary>
    /// <param name="cache">The context's cache, which holds exactly <paramref name="position"/> tokens. Left so if the run fails.</param>
    /// <param name="attention">How to attend.</param>
    /// <param name="position">The first token's position.</param>
    /// <param name="tokens">Token ids, at least one.</param>
    /// <param name="logitRows">How many of the last tokens' logits are wanted.</param>
    /// <param name="counters">[layers]; what attention did is added here.</param>
    /// <param name="cancellation">Ends the run between two operators.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled; the cache is as before.</exception>
    public void Forward(
        KeyValueCache cache, HeadAttention attention, int position, ReadOnlySpan<int> tokens, int logitRows,
        Span<AttentionCounters> counters, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentOutOfRangeException.ThrowIfZero(tokens.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(logitRows, tokens.Length);
        cancellation.ThrowIfCancellationRequested();
        cache.Reserve(position + tokens.Length);
        // A run always has a row of logits, since ONNX Runtime's products take no empty matrix; it is ignored where none is wanted.
        int rows = Math.Max(1, logitRows);
        Binding binding = Bind(tokens.Length, rows);
        Embed(tokens);
        for (int i = 0; i < rows; i++) _rows[i] = tokens.Length - rows + i;
        LogitRows = logitRows;
        bool finished = false;
        _attention.Begin(cache, attention, position, tokens.Length);
        try
        {
            using (cancellation.UnsafeRegister(static run => ((RunOptions)run!).Terminate = true, _options))
                _session.Session.RunWithBinding(_options, binding.Io);
            finished = true;
        }
        catch (OnnxRuntimeException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (OnnxRuntimeException) when (_attention.Failure is not null)
        {
            throw new ModelException($"Attention failed: {_attention.Failure.Message}", _attention.Failure);
        }
        finally
        {
            _attention.End(counters);
            _options.Terminate = false;
            if (!finished) cache.Rewind(position);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_handle is null) return;
        _single?.Dispose();
        _other?.Dispose();
        _options.Dispose();
        _attention.Dispose();
        NativeMemory.Free(_handle);
        _handle = null;
        NativeMemory.AlignedFree(_embeddings);
        NativeMemory.AlignedFree(_rows);
        NativeMemory.AlignedFree(_logits);
        _embeddings = _logits = null;
        _rows = null;
    }

    private void Embed(ReadOnlySpan<int> tokens)
    {
        GgufTensor table = _session.TokenEmbeddings;
        int hidden = _session.Config.Hidden;
        for (int i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)_session.Config.Vocabulary)
                throw new ArgumentOutOfRangeException(nameof(tokens), tokens[i], $"a token id must be below the vocabulary's {_session.Config.Vocabulary}");
            Dequantizer.Dequantize(table.Type, table.Row(tokens[i]), new Span<float>(_embeddings + (long)i * hidden, hidden));
        }
    }

    /// <summary>The binding for a number of tokens and rows. One token is kept for good, and the last other shape.</summary>
    private Binding Bind(int tokens, int rows)
    {
        if (tokens > _tokenCapacity || rows > _rowCapacity) Grow(tokens, rows);
        ref Binding? place = ref tokens == 1 ? ref _single : ref _other;
        if (place is { } known && known.Tokens == tokens && known.Rows == rows) return known;
        place?.Dispose();
        place = new Binding(_session, tokens, rows, _embeddings, _handle, _rows, _logits);
        return place;
    }

    private void Grow(int tokens, int rows)
    {
        _single?.Dispose();
        _other?.Dispose();
        _single = _other = null;
        _tokenCapacity = Math.Max(tokens, _tokenCapacity);
        _rowCapacity = Math.Max(rows, _rowCapacity);
        Renew(ref _embeddings, (long)_tokenCapacity * _session.Config.Hidden);
        Renew(ref _logits, (long)_rowCapacity * _session.Config.Vocabulary);
        NativeMemory.AlignedFree(_rows);
        _rows = (long*)NativeMemory.AlignedAlloc((nuint)_rowCapacity * sizeof(long), 64);
    }

    private static void Renew(ref float* buffer, long count)
    {
        NativeMemory.AlignedFree(buffer);
        buffer = null;
        buffer = (float*)NativeMemory.AlignedAlloc((nuint)(count * sizeof(float)), 64);
    }

    /// <summary>The graph's inputs and output, bound to the run's buffers for one shape.</summary>
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
                Value(embeddings, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float, [tokens, hidden], sizeof(float)),
                Value(handle, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Int64, [1], sizeof(long)),
                Value(rowIndices, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Int64, [rows], sizeof(long)),
                Value(logits, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float, [rows, vocabulary], sizeof(float)),
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

        private static OrtValue Value(void* data, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType type, long[] shape, int size)
        {
            long count = 1;
            foreach (long dimension in shape) count *= dimension;
            return OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, shape, (nint)data, count * size);
        }
    }
}
