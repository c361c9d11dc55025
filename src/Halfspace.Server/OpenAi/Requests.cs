using System.Text.Json;

namespace Halfspace.Server.OpenAi;

/// <summary>What the requests for an answer have in common. Fields that are not here are ignored.</summary>
internal abstract class GenerationFields
{
    public string? Model { get; init; }

    public float? Temperature { get; init; }

    public float? TopP { get; init; }

    public long? Seed { get; init; }

    public TextList? Stop { get; init; }

    public bool? Stream { get; init; }

    public StreamOptions? StreamOptions { get; init; }

    public int? MaxTokens { get; init; }

    public int? N { get; init; }

    public float? FrequencyPenalty { get; init; }

    public float? PresencePenalty { get; init; }

    public JsonElement? LogitBias { get; init; }

    public HalfspaceFields? Halfspace { get; init; }
}

/// <summary>What OpenAI's API has no field for.</summary>
internal sealed class HalfspaceFields
{
    public string? Context { get; init; }

    public string? Attention { get; init; }

    public int? Keys { get; init; }
}

/// <summary>What a stream holds.</summary>
internal sealed class StreamOptions
{
    public bool? IncludeUsage { get; init; }
}

/// <summary><c>POST /v1/chat/completions</c>.</summary>
internal sealed class ChatRequest : GenerationFields
{
    public List<ChatRequestMessage?>? Messages { get; init; }

    public int? MaxCompletionTokens { get; init; }

    public bool? Logprobs { get; init; }

    public int? TopLogprobs { get; init; }

    public List<ToolBody?>? Tools { get; init; }

    public JsonElement? ToolChoice { get; init; }

    public bool? ParallelToolCalls { get; init; }

    public ResponseFormat? ResponseFormat { get; init; }
}

/// <summary>One message of a conversation.</summary>
internal sealed class ChatRequestMessage
{
    public string? Role { get; init; }

    public TextContent? Content { get; init; }

    public List<ToolCallBody?>? ToolCalls { get; init; }

    public string? ToolCallId { get; init; }

    public string? Name { get; init; }
}

/// <summary>A function that the model may call.</summary>
internal sealed record ToolBody(string? Type, FunctionBody? Function);

/// <summary>A function's name, what it does, and the JSON schema of its arguments.</summary>
internal sealed record FunctionBody(string? Name, string? Description, JsonElement? Parameters);

/// <summary>What an answer must look like.</summary>
internal sealed class ResponseFormat
{
    public string? Type { get; init; }

    public SchemaBody? JsonSchema { get; init; }
}

/// <summary>A JSON schema and its name.</summary>
internal sealed record SchemaBody(string? Name, JsonElement? Schema, bool? Strict);

/// <summary><c>POST /v1/completions</c>.</summary>
internal sealed class CompletionRequest : GenerationFields
{
    public PromptText? Prompt { get; init; }

    public int? Logprobs { get; init; }

    public bool? Echo { get; init; }

    public int? BestOf { get; init; }

    public string? Suffix { get; init; }
}
