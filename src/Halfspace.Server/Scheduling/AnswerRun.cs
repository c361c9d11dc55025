using Halfspace.Server.Models;

namespace Halfspace.Server.Scheduling;

/// <summary>The common way of a request that needs the model: a place among the requests, then its work, and the end of both whatever
/// happens.</summary>
internal static class AnswerRun
{
    /// <summary>Runs a request.</summary>
    /// <param name="http">The request.</param>
    /// <param name="model">The model that it names.</param>
    /// <param name="work">Submits its work, which ends with the token, and answers; called once there is a place.</param>
    public static async Task RunAsync(HttpContext http, ServedModel model, Func<CancellationToken, Task> work)
    {
        model.Scheduler.Enter();
        // Whatever ends the request ends the work too: also a response that can no longer be written.
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        try
        {
            await work(end.Token).ConfigureAwait(false);
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            model.Scheduler.Leave();
        }
    }
}
