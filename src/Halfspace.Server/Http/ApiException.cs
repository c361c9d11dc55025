namespace Halfspace.Server.Http;

/// <summary>A request that is answered with an error; the message is a sentence for its sender and says nothing of the machine.</summary>
internal sealed class ApiException(int status, string message, string? param = null, string? code = null) : Exception(message)
{
    /// <summary>The HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>The field that is wrong.</summary>
    public string? Param { get; } = param;

    /// <summary>The error's name in OpenAI's API.</summary>
    public string? Code { get; } = code;

    /// <summary>When to try again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The error's kind in OpenAI's API.</summary>
    public string Type => Status switch
    {
        StatusCodes.Status429TooManyRequests => "rate_limit_error",
        >= StatusCodes.Status500InternalServerError => "server_error",
        _ => "invalid_request_error",
    };

    /// <summary>A field with a value that cannot be.</summary>
    public static ApiException Field(string param, string message) => new(StatusCodes.Status400BadRequest, message, param);

    /// <summary>A field that asks for something that is not there.</summary>
    public static ApiException Unsupported(string param, string message) =>
        new(StatusCodes.Status400BadRequest, message, param, "unsupported_parameter");

    /// <summary>What cannot be told to the sender.</summary>
    public static ApiException Internal() => new(StatusCodes.Status500InternalServerError,
        "The server failed at this request; its log says why.");

    /// <summary>What is not ready or about to stop.</summary>
    public static ApiException Unavailable(string message) =>
        new(StatusCodes.Status503ServiceUnavailable, message) { RetryAfter = TimeSpan.FromSeconds(2) };
}
