using System.Diagnostics;
using Halfspace.Runtime.Generation;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.Metrics;

/// <summary>What is measured of one model's answers.</summary>
internal sealed class ModelMetrics(ServerMetrics metrics, string model)
{
    private readonly KeyValuePair<string, object?> _model = ServerMetrics.Tag(model);

    /// <summary>Shows how many requests wait and how many are answered.</summary>
    public void Watch(Func<int> waiting, Func<int> busy)
    {
        metrics.Gauge("halfspace.queue.length", "{request}", "Requests that wait for a slot.", model, waiting);
        metrics.Gauge("halfspace.slots.busy", "{slot}", "Slots that are reading or answering.", model, busy);
    }

    /// <summary>A request was refused.</summary>
    public void Refused() => metrics.Refused.Add(1, _model);

    /// <summary>The first token is there.</summary>
    public void FirstToken(long submitted) => metrics.FirstToken.Record(Stopwatch.GetElapsedTime(submitted).TotalSeconds, _model);

    /// <summary>An answer is complete.</summary>
    public void Answered(AnswerTotals totals, long submitted)
    {
        metrics.PromptTokens.Add(totals.CachedTokens, _model, new("cached", "true"));
        metrics.PromptTokens.Add(totals.PromptTokens - totals.CachedTokens, _model, new("cached", "false"));
        metrics.GeneratedTokens.Add(totals.Tokens, _model);
        if (totals.KeysPerHead > 0) metrics.Keys.Record(totals.KeysPerHead, _model);
        if (totals.KeysPerHead > 0) metrics.Certificate.Record(totals.Certificate, _model);
        Ended(totals.Finish == FinishReason.Stop ? "stop" : "length", submitted);
    }

    /// <summary>An answer was lost.</summary>
    public void Lost(bool cancelled, long submitted) => Ended(cancelled ? "cancelled" : "failed", submitted);

    private void Ended(string how, long submitted)
    {
        metrics.Answers.Add(1, _model, new("end", how));
        metrics.Duration.Record(Stopwatch.GetElapsedTime(submitted).TotalSeconds, _model);
    }
}
