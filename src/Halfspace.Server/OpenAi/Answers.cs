using System.Text.Json.Serialization;

namespace Halfspace.Server.OpenAi;

/// <summary>Tokens that a request took.</summary>
internal sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails);

/// <summary>How an answer attended: the saved context, keys a head on average, the estimate of a head's relative error and its
/// bound.</summary>
internal sealed record HalfspaceReport(string? Context, double Keys, double Error, double Certificate);

/// <summary>Tokens of the prompt that were known already.</summary>
internal sealed record PromptTokensDetails(int CachedTokens);

/// <summary>The answer to <c>/v1/chat/completions</c>.</summary>
internal sealed record ChatCompletion(string Id, string Object, long Created, string Model, ChatChoice[] Choices, Usage Usage,
    HalfspaceReport Halfspace);

/// <summary>The one answer of a request.</summary>
internal sealed record ChatChoice(int Index, ChatMessage Message, ChatLogprobs? Logprobs, string FinishReason);

/// <summary>What the assistant says.</summary>
internal sealed record ChatMessage(
    string Role, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Content, ToolCallBody[]? ToolCalls);

/// <summary>A call of a function; its index is that of a streamed answer.</summary>
internal sealed record ToolCallBody(int? Index, string? Id, string? Type, FunctionCallBody? Function);

/// <summary>The function and its arguments, a JSON object's text.</summary>
internal sealed record FunctionCallBody(string? Name, string? Arguments);

/// <summary>A piece of a streamed answer to <c>/v1/chat/completions</c>.</summary>
internal sealed record ChatChunk(string Id, string Object, long Created, string Model, ChatChunkChoice[] Choices, Usage? Usage,
    HalfspaceReport? Halfspace = null);

/// <summary>A piece of the one answer.</summary>
internal sealed record ChatChunkChoice(
    int Index, ChatDelta Delta, ChatLogprobs? Logprobs, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason);

/// <summary>What a piece adds.</summary>
internal sealed record ChatDelta(string? Role, string? Content, ToolCallBody[]? ToolCalls = null);

/// <summary>How likely the tokens of an answer were.</summary>
internal sealed record ChatLogprobs(TokenLogprob[] Content);

/// <summary>A token, its natural log-probability, and the likeliest in its place.</summary>
internal sealed record TokenLogprob(string Token, float Logprob, int[] Bytes, TopLogprob[] TopLogprobs);

/// <summary>One of the likeliest tokens.</summary>
internal sealed record TopLogprob(string Token, float Logprob, int[] Bytes);

/// <summary>The answer to <c>/v1/completions</c>, and a piece of it when streamed.</summary>
internal sealed record Completion(string Id, string Object, long Created, string Model, CompletionChoice[] Choices, Usage? Usage,
    HalfspaceReport? Halfspace = null);

/// <summary>The one answer of a request, or a piece of it.</summary>
internal sealed record CompletionChoice(
    int Index, string Text, CompletionLogprobs? Logprobs,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason);

/// <summary>How likely the tokens of an answer were.</summary>
internal sealed record CompletionLogprobs(string[] Tokens, float[] TokenLogprobs, Dictionary<string, float>[] TopLogprobs,
    int[] TextOffset);

/// <summary>The answer to <c>/v1/models</c>.</summary>
internal sealed record ModelList(string Object, ModelEntry[] Data);

/// <summary>A model that is served.</summary>
internal sealed record ModelEntry(string Id, string Object, long Created, string OwnedBy);

/// <summary>The answer to <c>/health</c> and <c>/ready</c>.</summary>
internal sealed record HealthBody(string Status);
