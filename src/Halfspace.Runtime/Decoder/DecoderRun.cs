using Halfspace.Attention;
using Halfspace.Runtime.Operators;
using Microsoft.ML.OnnxRuntime;

namespace Halfspace.Runtime.Decoder;

/// <summary>One run of the decoder's graph at a time: its input and output buffers and the attention operator's state.</summary>
public sealed class DecoderRun : IDisposable
{
    private readonly AttentionRun _attention;
    private readonly DecoderBuffers _buffers;

    internal DecoderRun(DecoderSession session)
    {
        _attention = new AttentionRun(session.Config.Attention, session.Rotary, session.Threads);
        _buffers = new DecoderBuffers(session, _attention.Handle);
    }

    /// <summary>The logits of the last run's row <paramref name="index"/>, [vocabulary]; valid until the next run.</summary>
    public ReadOnlySpan<float> Logits(int index) => index >= 0 && index < LogitRows
        ? _buffers.Logits(index)
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
        OrtIoBinding binding = _buffers.Bind(tokens.Length, rows);
        _buffers.Embed(tokens);
        LogitRows = logitRows;
        bool finished = false;
        _attention.Begin(cache, attention, position, tokens.Length);
        try
        {
            _buffers.Run(binding, _attention, cancellation);
            finished = true;
        }
        finally
        {
            _attention.End(counters);
            if (!finished) cache.Rewind(position);
        }
    }

    /// <summary>What a step of this run's context in <paramref name="attention"/> is taken with, in a batch as alone.</summary>
    internal LayerStep StepOf(HeadAttention attention) => _attention.StepOf(attention);

    /// <summary>Takes the logits of one row, [vocabulary], which a batch computed, as the last run's.</summary>
    internal void TakeLogits(ReadOnlySpan<float> logits)
    {
        logits.CopyTo(_buffers.OneRow());
        LogitRows = 1;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffers.Dispose();
        _attention.Dispose();
    }
}
