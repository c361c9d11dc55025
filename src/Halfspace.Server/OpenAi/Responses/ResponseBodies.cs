using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halfspace.Server.OpenAi.Responses;

/// <summary><c>POST /v1/responses</c>.</summary>
internal sealed class ResponseRequest : GenerationFields
{
    public ResponseInput? Input { get; init; }

    public string? Instructions { get; init; }

    public int? MaxOutputTokens { get; init; }

    public ResponseText? Text { get; init; }

    public JsonElement? Tools { get; init; }

    public string? PreviousResponseId { get; init; }

    public bool? Background { get; init; }
}

/// <summary>What the text of an answer must look like.</summary>
internal sealed record ResponseText(ResponseFormat? Format);

/// <summary>The answer to <c>/v1/responses</c>.</summary>
internal sealed record ResponseBody
{
    public required string Id { get; init; }

    public string Object { get; init; } = "response";

    public required long CreatedAt { get; init; }

    public required string Status { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ErrorBodyDetail? Error { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public IncompleteDetails? IncompleteDetails { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Instructions { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int? MaxOutputTokens { get; init; }

    public required string Model { get; init; }

    public ResponseItem[] Output { get; init; } = [];

    public bool ParallelToolCalls { get; init; }

    public float Temperature { get; init; }

    public float TopP { get; init; }

    public string ToolChoice { get; init; } = "none";

    public ResponseItem[] Tools { get; init; } = [];

    public ResponseText Text { get; init; } = new(new ResponseFormat { Type = "text" });

    public bool Store { get; init; }

    public ResponseUsage? Usage { get; init; }

    public HalfspaceReport? Halfspace { get; init; }

    /// <summary>The saved context; it is told at the end.</summary>
    [JsonIgnore]
    public string? Context { get; init; }
}

/// <summary>What failed.</summary>
internal sealed record ErrorBodyDetail(string Code, string Message);

/// <summary>Why an answer ended early.</summary>
internal sealed record IncompleteDetails(string Reason);

/// <summary>A message of the assistant.</summary>
internal sealed record ResponseItem(string Id, string Type, string Status, string Role, ResponsePart[] Content);

/// <summary>A part of a message.</summary>
internal sealed record ResponsePart(string Type, string Text)
{
    public string[] Annotations { get; init; } = [];
}

/// <summary>Tokens that a request took.</summary>
internal sealed record ResponseUsage(
    int InputTokens, PromptTokensDetails InputTokensDetails, int OutputTokens, OutputTokensDetails OutputTokensDetails, int TotalTokens);

/// <summary>Tokens of the answer that are not shown: none.</summary>
internal sealed record OutputTokensDetails(int ReasoningTokens);

/// <summary>A piece of a streamed answer; which fields it has depends on its type.</summary>
internal sealed record ResponseEvent(string Type, int SequenceNumber)
{
    public ResponseBody? Response { get; init; }

    public string? ItemId { get; init; }

    public int? OutputIndex { get; init; }

    public int? ContentIndex { get; init; }

    public ResponseItem? Item { get; init; }

    public ResponsePart? Part { get; init; }

    public string? Delta { get; init; }

    public string? Text { get; init; }
}
