using Halfspace.Runtime;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Saved;
using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.Contexts;

/// <summary><c>/v1/halfspace/contexts</c>: lists, makes and deletes saved contexts.</summary>
internal sealed class ContextsEndpoint(HalfspaceServerOptions options, SavedContexts contexts, ModelRegistry models)
{
    public Task ListAsync(HttpContext http) => Told("name", () => ApiRoute.SendAsync(
        http, new ContextList("list", [.. contexts.Required.List().Select(ContextEntry.Of)]), ServerJson.Wire.ContextList));

    public Task ShowAsync(HttpContext http) =>
        ApiRoute.SendAsync(http, ContextEntry.Of(contexts.Find(Name(http), "name")), ServerJson.Wire.ContextEntry);

    public Task DeleteAsync(HttpContext http) => Told("name", () =>
    {
        string name = Name(http);
        contexts.Find(name, "name");
        contexts.Required.Delete(name);
        return ApiRoute.SendAsync(http, new ContextDeleted(name, "halfspace.context", true), ServerJson.Wire.ContextDeleted);
    });

    public async Task CreateAsync(HttpContext http)
    {
        ContextRequest request = await RequestBody.ReadAsync(http, ServerJson.Wire.ContextRequest, options.BodyTimeout)
            .ConfigureAwait(false);
        ContextStore store = contexts.Required;
        ServedModel model = models.Find(request.Model);
        SavedContexts.RequireName(request.Name, "name");
        if (string.IsNullOrWhiteSpace(request.Text)) throw ApiException.Field("text", "text is missing or empty; give the document.");
        if (request.Raw == true && request.System is not null)
            throw ApiException.Field("system", "A raw document has no system message; leave it out.");
        bool replace = request.Replace == true;
        if (store.Contains(request.Name!) && !replace)
            throw new ApiException(StatusCodes.Status409Conflict,
                "There is a context of this name already; delete it, or send replace: true.", "name");
        await AnswerRun.RunAsync(http, model, end =>
        {
            ContextDocument document = new(request.System, request.Text, request.Raw == true);
            int[] tokens = OpenAi.Generation.Fitting(Opening(document, model.Model), model, "text");
            ContextJob job = model.Scheduler.Submit(
                tokens, (context, cancellation) => store.SaveAsync(context, request.Name!, document, replace, cancellation), end);
            return request.Stream == true ? StreamAsync(http, job) : SendAsync(http, job);
        }).ConfigureAwait(false);
    }

    private async Task SendAsync(HttpContext http, ContextJob job) =>
        await ApiRoute.SendAsync(http, ContextEntry.Of(await SavedAsync(job).ConfigureAwait(false)), ServerJson.Wire.ContextEntry,
            StatusCodes.Status201Created)
            .ConfigureAwait(false);

    private async Task StreamAsync(HttpContext http, ContextJob job)
    {
        EventStream stream = new(http);
        await stream.StartAsync().ConfigureAwait(false);
        await foreach (int read in job.ReadAsync(http.RequestAborted).ConfigureAwait(false))
            await stream.SendAsync(new ContextProgress(read, job.Prompt.Length), ServerJson.Wire.ContextProgress).ConfigureAwait(false);
        await stream.SendAsync(ContextEntry.Of(await SavedAsync(job).ConfigureAwait(false)), ServerJson.Wire.ContextEntry)
            .ConfigureAwait(false);
        await stream.DoneAsync().ConfigureAwait(false);
    }

    private async Task<SavedContext> SavedAsync(ContextJob job)
    {
        try
        {
            return await job.Saved.ConfigureAwait(false);
        }
        catch (ModelException e)
        {
            throw contexts.Refusal(e, StatusCodes.Status409Conflict, "name");
        }
    }

    private static int[] Opening(ContextDocument document, HalfspaceModel model)
    {
        try
        {
            return document.Opening(model);
        }
        catch (ChatTemplateException)
        {
            throw ApiException.Field("text", "The model's chat template does not take this document.");
        }
        catch (ModelException)
        {
            throw ApiException.Field("text", "This model has no chat template; send raw: true.");
        }
    }

    private async Task Told(string field, Func<Task> act)
    {
        try
        {
            await act().ConfigureAwait(false);
        }
        catch (ModelException e)
        {
            throw contexts.Refusal(e, StatusCodes.Status409Conflict, field);
        }
    }

    private static string Name(HttpContext http) => (string)http.Request.RouteValues["name"]!;
}
