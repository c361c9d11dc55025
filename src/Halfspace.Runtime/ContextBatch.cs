using Halfspace.Runtime.Decoder;
using Halfspace.Runtime.Operators;
using Microsoft.ML.OnnxRuntime;

namespace Halfspace.Runtime;

/// <summary>
/// Takes decode steps of several contexts of one model in one run: their rows go through the model's weights together, which are read from
/// memory once for all, and each attends in its own context as it would alone. For one thread at a time.
/// </summary>
/// <remarks>A context's logits are those of <see cref="ModelContext.ReadOne"/> up to rounding: products of one row and of several are summed
/// in another order.</remarks>
public sealed class ContextBatch : IDisposable
{
    private readonly DecoderSession _decoder;
    private readonly AttentionBatch _attention;
    private readonly DecoderBuffers _buffers;

    internal ContextBatch(DecoderSession decoder)
    {
        _decoder = decoder;
        _attention = new AttentionBatch(decoder.Config.Attention, decoder.Rotary);
        _buffers = new DecoderBuffers(decoder, _attention.Handle);
    }

    /// <summary>Each context reads one token as decoding does. Nothing else may use the contexts meanwhile. No allocation once the batch and
    /// the contexts have grown.</summary>
    /// <param name="contexts">Different contexts of this batch's model; none is fine.</param>
    /// <param name="tokens">A token for each.</param>
    /// <param name="cancellation">Ends the run between two operators.</param>
    /// <exception cref="ModelException">A context is full, or attention failed. All contexts are as before.</exception>
    /// <exception cref="ArgumentException">A context comes twice or is of another model, or a token is none. All contexts are as
    /// before.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled; all contexts are as before.</exception>
    public void ReadOne(ReadOnlySpan<ModelContext> contexts, ReadOnlySpan<int> tokens, CancellationToken cancellation = default)
    {
        if (contexts.Length != tokens.Length)
            throw new ArgumentException($"There are {tokens.Length} tokens for {contexts.Length} contexts; give one for each.", nameof(tokens));
        if (contexts.IsEmpty) return;
        cancellation.ThrowIfCancellationRequested();
        Join(contexts);
        OrtIoBinding binding = _buffers.Bind(tokens.Length, tokens.Length);
        _buffers.Embed(tokens);
        _attention.Begin(contexts.Length);
        bool finished = false;
        try
        {
            _buffers.Run(binding, _attention, cancellation);
            finished = true;
        }
        finally
        {
            if (!finished)
                foreach (BatchRow row in _attention.Rows(contexts.Length)) row.Cache.Rewind(row.Position);
            _attention.End();
        }

        for (int i = 0; i < contexts.Length; i++) contexts[i].TakeRead(tokens[i], _buffers.Logits(i));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffers.Dispose();
        _attention.Dispose();
    }

    private void Join(ReadOnlySpan<ModelContext> contexts)
    {
        Span<BatchRow> rows = _attention.Rows(contexts.Length);
        for (int i = 0; i < contexts.Length; i++)
        {
            ArgumentNullException.ThrowIfNull(contexts[i]);
            for (int j = 0; j < i; j++)
                if (ReferenceEquals(contexts[i], contexts[j]))
                    throw new ArgumentException($"Contexts {j} and {i} of the batch are the same; a context takes one step at a time.", nameof(contexts));
            rows[i] = contexts[i].JoinBatch(_decoder, i);
        }
    }
}
