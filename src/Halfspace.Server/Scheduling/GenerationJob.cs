using System.Diagnostics;
using System.Threading.Channels;
using Halfspace.Attention;
using Halfspace.Runtime;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Tokenization;
using Halfspace.Server.Metrics;

namespace Halfspace.Server.Scheduling;

/// <summary>One answer on its way: the scheduler's thread drives it, the request's task takes its pieces.</summary>
internal sealed class GenerationJob
{
    private readonly Channel<AnswerPiece> _pieces = Channel.CreateUnbounded<AnswerPiece>(new() { SingleReader = true, SingleWriter = true });
    private readonly GenerationOptions _options;
    private readonly IReadOnlyList<int> _ends;
    private readonly StreamingDecoder _decoder;
    private readonly StopSequences _stops;
    private readonly TokenScores? _scores;
    private readonly Sampler _sampler;
    private readonly ModelMetrics _metrics;
    private readonly long _submitted = Stopwatch.GetTimestamp();
    private int _tokens, _cached;

    /// <exception cref="ModelException">The options are not possible.</exception>
    public GenerationJob(HalfspaceModel model, GenerationRequest request, ModelMetrics metrics, CancellationToken cancellation)
    {
        Prompt = request.Prompt;
        Cancellation = cancellation;
        _metrics = metrics;
        _options = request.Options;
        _ends = _options.IgnoreEnd ? [] : model.Tokenizer.EndIds;
        _decoder = new StreamingDecoder(model.Tokenizer);
        _stops = new StopSequences(_options.Stop);
        _scores = request.Logprobs ? new TokenScores(model.Config.Vocabulary, request.TopLogprobs) : null;
        _sampler = new Sampler(_options.Sampling, model.Config.Vocabulary);
    }

    /// <summary>The prompt's tokens.</summary>
    public int[] Prompt { get; }

    /// <summary>Ends it, e.g. as its client has gone.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Whether it has ended.</summary>
    public bool Ended { get; private set; }

    /// <summary>The token that the context is to read next.</summary>
    public int Token { get; private set; }

    /// <summary>The pieces as they come; a failure is thrown.</summary>
    public IAsyncEnumerable<AnswerPiece> Pieces(CancellationToken cancellation) => _pieces.Reader.ReadAllAsync(cancellation);

    /// <summary>Begins in a context that knows the first tokens of the prompt.</summary>
    public void Begin(ModelContext context, int cached)
    {
        _cached = cached;
        context.ResetCounters();
        _sampler.Accept(Prompt);
    }

    /// <summary>Chooses a token after the context has read the one before, or the prompt.</summary>
    public void Choose(ModelContext context)
    {
        int token = _sampler.Sample(context.Logits);
        if (_tokens == 0) _metrics.FirstToken(_submitted);
        if (_ends.Contains(token))
        {
            End(context, FinishReason.Stop);
            return;
        }

        Token = token;
        _tokens++;
        ScoredToken? score = _scores?.Score(context.Logits, token);
        string text = _stops.Append(_decoder.Append(token)).ToString();
        if (text.Length > 0 || score is not null) _pieces.Writer.TryWrite(new AnswerPiece(text, score, null));
        if (_stops.Found is not null) End(context, FinishReason.Stop);
        else if (_tokens == _options.MaxTokens) End(context, FinishReason.Length);
        else if (context.Count == context.Limit) End(context, FinishReason.ContextFull);
    }

    /// <summary>Ends it with an error; null if it was cancelled.</summary>
    public void Fail(Exception? e)
    {
        Ended = true;
        _metrics.Lost(e is null, _submitted);
        _pieces.Writer.TryComplete(e ?? new OperationCanceledException(Cancellation));
    }

    private void End(ModelContext context, FinishReason reason)
    {
        Ended = true;
        string rest = _stops.Append(_decoder.Flush()).ToString() + _stops.Flush().ToString();
        AttentionCounters counters = context.Counters;
        AnswerTotals totals = new(_stops.Found is null ? reason : FinishReason.Stop, Prompt.Length, _cached, _tokens,
            counters.KeysPerHead, counters.EstimateMean, counters.CertificateMean);
        _metrics.Answered(totals, _submitted);
        _pieces.Writer.TryWrite(new AnswerPiece(rest, null, totals));
        _pieces.Writer.TryComplete();
    }
}
