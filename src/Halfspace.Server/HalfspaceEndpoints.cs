using Halfspace.Server.Contexts;
using Halfspace.Server.Http;
using Halfspace.Server.Lens;
using Halfspace.Server.Models;
using Halfspace.Server.OpenAi;
using Halfspace.Server.OpenAi.Responses;
using Halfspace.Server.Page;

namespace Halfspace.Server;

/// <summary>The routes of the server.</summary>
public static class HalfspaceEndpoints
{
    /// <summary>Adds every route to an application that has called <see cref="HalfspaceServices.AddHalfspace"/>. docs/server.md lists
    /// them.</summary>
    public static IEndpointRouteBuilder MapHalfspace(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        IServiceProvider services = endpoints.ServiceProvider;
        ApiRoute route = services.GetRequiredService<ApiRoute>();
        ModelRegistry registry = services.GetRequiredService<ModelRegistry>();
        ContextsEndpoint contexts = services.GetRequiredService<ContextsEndpoint>();
        ModelsEndpoint models = services.GetRequiredService<ModelsEndpoint>();
        ChatEndpoint chat = services.GetRequiredService<ChatEndpoint>();
        CompletionEndpoint completion = services.GetRequiredService<CompletionEndpoint>();
        LensEndpoint lens = services.GetRequiredService<LensEndpoint>();
        PageEndpoint page = services.GetRequiredService<PageEndpoint>();
        ResponseEndpoint responses = services.GetRequiredService<ResponseEndpoint>();

        endpoints.MapGet("/health", route.Open(http => ApiRoute.SendAsync(http, new HealthBody("ok"), ServerJson.Wire.HealthBody)));
        endpoints.MapGet("/ready", route.Open(http => registry.Ready
            ? ApiRoute.SendAsync(http, new HealthBody("ready"), ServerJson.Wire.HealthBody)
            : throw ApiException.Unavailable("The server is loading its models or stopping.")));
        endpoints.MapGet("/v1/models", route.Guarded(models.ListAsync));
        endpoints.MapGet("/v1/models/{model}", route.Guarded(models.ShowAsync));
        endpoints.MapPost("/v1/chat/completions", route.Guarded(chat.HandleAsync));
        endpoints.MapPost("/v1/completions", route.Guarded(completion.HandleAsync));
        endpoints.MapPost("/v1/responses", route.Guarded(responses.HandleAsync));
        endpoints.MapGet("/v1/halfspace/contexts", route.Guarded(contexts.ListAsync));
        endpoints.MapPost("/v1/halfspace/contexts", route.Guarded(contexts.CreateAsync));
        endpoints.MapGet("/v1/halfspace/contexts/{name}", route.Guarded(contexts.ShowAsync));
        endpoints.MapDelete("/v1/halfspace/contexts/{name}", route.Guarded(contexts.DeleteAsync));
        endpoints.MapPost("/v1/halfspace/lens", route.Guarded(lens.HandleAsync));
        endpoints.MapMethods("/", ["GET", "HEAD"], route.Open(http => page.SendAsync(http, "index.html")));
        foreach (string name in page.Names) endpoints.MapMethods("/page/" + name, ["GET", "HEAD"], route.Open(http => page.SendAsync(http, name)));
        endpoints.Map("/v1/embeddings", route.Guarded(_ => throw new ApiException(StatusCodes.Status404NotFound,
            "Embeddings are not offered: a decoder's hidden states are no honest embedding of a text.")));
        endpoints.Map("/v1/{**rest}", route.Guarded(_ => throw new ApiException(StatusCodes.Status404NotFound,
            "There is no such route, or not with this method; docs/server.md lists them.")));
        endpoints.MapPrometheusScrapingEndpoint("/metrics", null, metrics => metrics.Use(next => route.Guarded(http => next(http))), null);
        return endpoints;
    }
}
