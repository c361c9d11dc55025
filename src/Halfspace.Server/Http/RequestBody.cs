using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Features;

namespace Halfspace.Server.Http;

/// <summary>Reads a request's JSON, within its limits, or says what is wrong with it.</summary>
internal static class RequestBody
{
    private const long MostDropped = 64 << 20;

    /// <summary>The body as its type.</summary>
    /// <exception cref="ApiException">It is not JSON, is too long or too slow, or a field has the wrong type.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext http, JsonTypeInfo<T> type, TimeSpan timeout) where T : class
    {
        // A page of another origin can send other types without asking; this one it cannot.
        if (!http.Request.HasJsonContentType())
            throw new ApiException(StatusCodes.Status415UnsupportedMediaType,
                "The body must be JSON; send it with the header Content-Type: application/json.");
        RefuseLong(http);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        limit.CancelAfter(timeout);
        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, type, limit.Token).ConfigureAwait(false)
                ?? throw new ApiException(StatusCodes.Status400BadRequest, "The body is null; send an object.");
        }
        catch (JsonException e)
        {
            throw Refusal(e, type);
        }
        catch (BadHttpRequestException e)
        {
            throw Refusal(e);
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            throw TooSlow();
        }
    }

    /// <summary>Refuses a body whose length is told in advance. One that is not absurd is let in and dropped: a client that is still
    /// sending when the connection closes would see that and not the answer.</summary>
    private static void RefuseLong(HttpContext http)
    {
        IHttpMaxRequestBodySizeFeature? size = http.Features.Get<IHttpMaxRequestBodySizeFeature>();
        if (size?.MaxRequestBodySize is not { } most || http.Request.ContentLength is not { } length || length <= most) return;
        if (!size.IsReadOnly && length <= MostDropped) size.MaxRequestBodySize = length;
        throw TooLong();
    }

    private static ApiException TooLong() => new(StatusCodes.Status413PayloadTooLarge,
        "The body is longer than this server takes; send a shorter one.");

    private static ApiException TooSlow() => new(StatusCodes.Status408RequestTimeout, "The body arrived too slowly; send it at once.");

    private static ApiException Refusal(BadHttpRequestException e) => e.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => TooLong(),
        StatusCodes.Status408RequestTimeout => TooSlow(),
        _ => new ApiException(StatusCodes.Status400BadRequest, "The request is not proper HTTP."),
    };

    private static ApiException Refusal(JsonException e, JsonTypeInfo type)
    {
        if (e.InnerException is JsonException || e.Path is not { } path || path == "$")
        {
            return new ApiException(StatusCodes.Status400BadRequest, e.Path == "$" && e.InnerException is not JsonException
                ? "The body must be an object."
                : $"The body is not valid JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}).");
        }

        string field = path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path;
        return ApiException.Field(field, $"The field {field} has a wrong value; give {JsonShape.At(type, field)}.");
    }
}
