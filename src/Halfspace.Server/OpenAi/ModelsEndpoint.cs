using Halfspace.Server.Http;
using Halfspace.Server.Models;

namespace Halfspace.Server.OpenAi;

/// <summary><c>GET /v1/models</c> and <c>/v1/models/{model}</c>.</summary>
internal sealed class ModelsEndpoint(ModelRegistry models)
{
    public Task ListAsync(HttpContext http) =>
        ApiRoute.SendAsync(http, new ModelList("list", [.. models.Models.Select(Entry)]), ServerJson.Wire.ModelList);

    public Task ShowAsync(HttpContext http) =>
        ApiRoute.SendAsync(http, Entry(models.Find((string)http.Request.RouteValues["model"]!)), ServerJson.Wire.ModelEntry);

    private static ModelEntry Entry(ServedModel model) => new(model.Name, "model", model.Created, "halfspace");
}
