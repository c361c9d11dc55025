using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Halfspace.Server.Http;

/// <summary>What every route has in common: the key is checked first, and whatever fails becomes a proper error.</summary>
internal sealed partial class ApiRoute(HalfspaceServerOptions options, ILogger<ApiRoute> log)
{
    /// <summary>A route that asks for a key, if there are keys.</summary>
    public RequestDelegate Guarded(Func<HttpContext, Task> handle) => http => RunAsync(http, context =>
    {
        RequireKey(context);
        return handle(context);
    });

    /// <summary>A route for everyone.</summary>
    public RequestDelegate Open(Func<HttpContext, Task> handle) => http => RunAsync(http, handle);

    /// <summary>Sends JSON.</summary>
    public static Task SendAsync<T>(HttpContext http, T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        http.Response.StatusCode = status;
        return http.Response.WriteAsJsonAsync(value, type, "application/json; charset=utf-8", http.RequestAborted);
    }

    private async Task RunAsync(HttpContext http, Func<HttpContext, Task> handle)
    {
        try
        {
            await handle(http).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone: there is nobody to tell.
        }
        catch (Exception e)
        {
            await FailAsync(http, e).ConfigureAwait(false);
        }
    }

    private async Task FailAsync(HttpContext http, Exception e)
    {
        if (e is not ApiException known)
        {
            // A run that was ended from outside: only a server that stops does so.
            known = e is OperationCanceledException ? ApiException.Unavailable("The server is stopping.") : ApiException.Internal();
            if (known.Status == StatusCodes.Status500InternalServerError) LogFailure(log, e);
        }

        ErrorBody body = ErrorBody.Of(known);
        if (!http.Response.HasStarted)
        {
            http.Response.Clear();
            if (known.RetryAfter is { } wait) http.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString("0", null);
            if (known.Status == StatusCodes.Status401Unauthorized) http.Response.Headers.WWWAuthenticate = "Bearer";
            await SendAsync(http, body, ServerJson.Wire.ErrorBody, known.Status).ConfigureAwait(false);
        }
        else if (http.Response.ContentType == EventStream.ContentType)
        {
            await new EventStream(http).SendAsync(body, ServerJson.Wire.ErrorBody).ConfigureAwait(false);
        }
        else
        {
            http.Abort();
        }
    }

    private void RequireKey(HttpContext http)
    {
        const string Scheme = "Bearer ";
        if (!options.ApiKeys.Required) return;
        string given = http.Request.Headers.Authorization.ToString();
        bool allowed = given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && options.ApiKeys.Allows(given.AsSpan(Scheme.Length).Trim());
        if (!allowed)
            throw new ApiException(StatusCodes.Status401Unauthorized,
                "The API key is missing or wrong; send it as Authorization: Bearer KEY.", null, "invalid_api_key");
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A request failed.")]
    private static partial void LogFailure(ILogger log, Exception e);
}
