using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi;

/// <summary>The common way of a request for an answer: a place in the queue, the prompt's tokens, then the pieces.</summary>
internal static class AnswerRun
{
    /// <summary>Runs a request.</summary>
    /// <param name="http">The request.</param>
    /// <param name="model">The model that it names.</param>
    /// <param name="prepare">Makes the prompt and options; called once there is a place.</param>
    /// <param name="send">Takes the pieces.</param>
    public static async Task RunAsync(
        HttpContext http, ServedModel model, Func<GenerationRequest> prepare, Func<GenerationRequest, IAsyncEnumerable<AnswerPiece>, Task> send)
    {
        model.Scheduler.Enter();
        // Whatever ends the request ends the answer too: also a response that can no longer be written.
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        try
        {
            GenerationRequest request = prepare();
            GenerationJob job = model.Scheduler.Submit(request, end.Token);
            await send(request, job.Pieces(http.RequestAborted)).ConfigureAwait(false);
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            model.Scheduler.Leave();
        }
    }

    /// <summary>A new name for an answer.</summary>
    public static string NewId(string prefix) => prefix + Guid.NewGuid().ToString("N");

    /// <summary>The reason in OpenAI's words.</summary>
    public static string Finish(AnswerTotals totals) => totals.Finish == Runtime.Generation.FinishReason.Stop ? "stop" : "length";

    /// <summary>What it took.</summary>
    public static Usage Usage(AnswerTotals totals) => OpenAi.Usage.Of(totals.PromptTokens, totals.CachedTokens, totals.Tokens);
}
