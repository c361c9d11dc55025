using System.Diagnostics;
using System.Threading.Channels;
using Halfspace.Attention;
using Halfspace.Runtime;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Tokenization;
using Halfspace.Server.Metrics;

namespace Halfspace.Server.Scheduling;

/// <summary>One answer on its way: the scheduler's thread drives it, the request's task takes its pieces.</summary>
internal sealed class GenerationJob(GenerationRequest request, Tokenizer tokenizer, ModelMetrics metrics, CancellationToken cancellation)
    : SlotJob(request.Prompt, cancellation)
{
    private readonly Channel<AnswerPiece> _pieces = Channel.CreateUnbounded<AnswerPiece>(
        new() { SingleReader = true, SingleWriter = true });
    private readonly long _submitted = Stopwatch.GetTimestamp();
    private TextGenerator? _generator;
    private int _cached;

    /// <inheritdoc/>
    public override SavedOpening? Opening => request.Opening;

    /// <inheritdoc/>
    public override bool WantsToken => !Ended && _generator is { WantsRead: true };

    /// <inheritdoc/>
    public override int Token => _generator!.Token;

    /// <summary>The pieces as they come; a failure is thrown.</summary>
    public IAsyncEnumerable<AnswerPiece> Pieces(CancellationToken cancellation) => _pieces.Reader.ReadAllAsync(cancellation);

    /// <inheritdoc/>
    public override void Begin(ModelContext context, int cached)
    {
        _cached = cached;
        context.ResetCounters();
        context.Attend(request.Attention);
        _generator = new TextGenerator(context, request.Options, tokenizer);
    }

    /// <summary>Chooses the next token, and ends where no other is to follow.</summary>
    public override void Step(ModelContext context)
    {
        TextGenerator generator = _generator!;
        if (generator.Count == 0) metrics.FirstToken(_submitted);
        GeneratedText piece;
        do
        {
            piece = generator.Step(CancellationToken.None);
            if (piece.Finish != FinishReason.None) break;
            if (piece.Text.Length > 0 || piece.LogProbabilities.Count > 0)
                _pieces.Writer.TryWrite(new AnswerPiece(piece.Text, piece.LogProbabilities, null));
        }
        while (!generator.WantsRead);
        if (piece.Finish != FinishReason.None) End(context, piece);
    }

    /// <inheritdoc/>
    public override void Fail(Exception? e)
    {
        Ended = true;
        metrics.Lost(e is null, _submitted);
        _pieces.Writer.TryComplete(e ?? new OperationCanceledException(Cancellation));
    }

    private void End(ModelContext context, GeneratedText last)
    {
        Ended = true;
        AttentionCounters counters = context.Counters;
        AnswerTotals totals = new(
            last.Finish, Prompt.Length, _cached, last.Tokens, counters.KeysPerHead, counters.EstimateMean, counters.CertificateMean);
        metrics.Answered(totals, _submitted);
        _pieces.Writer.TryWrite(new AnswerPiece(last.Text, last.LogProbabilities, totals));
        _pieces.Writer.TryComplete();
    }
}
