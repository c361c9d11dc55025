using System.Text.Json.Serialization;

namespace Halfspace.Server.Http;

/// <summary>An error as OpenAI's API writes it.</summary>
internal sealed record ErrorBody(ErrorDetail Error)
{
    public static ErrorBody Of(ApiException e) => new(new ErrorDetail(e.Message, e.Type, e.Param, e.Code));
}

/// <summary>What went wrong.</summary>
internal sealed record ErrorDetail(
    string Message,
    string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Code);
