using System.Text;
using System.Text.Json;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Microsoft.Extensions.AI;

namespace Halfspace.Runtime;

/// <summary>Requests in the words of Microsoft.Extensions.AI as the runtime's own.</summary>
internal static class ChatRequest
{
    /// <summary>The functions of a request.</summary>
    public static ToolSet Tools(ChatOptions? options)
    {
        List<ToolDefinition> tools = [];
        foreach (AITool tool in options?.Tools ?? [])
        {
            tools.Add(tool is AIFunctionDeclaration function
                ? new ToolDefinition(function.Name, function.Description, function.JsonSchema)
                : throw new NotSupportedException($"The tool '{tool.Name}' is a {tool.GetType().Name}; only functions can be given to this model."));
        }

        return new ToolSet(tools, Choice(options?.ToolMode), options?.AllowMultipleToolCalls ?? true);
    }

    /// <summary>The conversation of a request.</summary>
    public static List<ChatTurn> Turns(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        List<ChatTurn> turns = [];
        Dictionary<string, string> names = new(StringComparer.Ordinal);
        if (options?.Instructions is { Length: > 0 } instructions) turns.Add(new ChatTurn("system", instructions));
        foreach (ChatMessage message in messages)
        {
            StringBuilder text = new();
            List<ToolCall> calls = [];
            List<ChatTurn> results = [];
            foreach (AIContent content in message.Contents)
            {
                switch (content)
                {
                    case TextContent piece:
                        text.Append(piece.Text);
                        break;
                    case FunctionCallContent call:
                        names[call.CallId] = call.Name;
                        calls.Add(new ToolCall(call.CallId, call.Name, Json(call.Arguments ?? new Dictionary<string, object?>(), typeof(IDictionary<string, object?>))));
                        break;
                    case FunctionResultContent result:
                        results.Add(new ChatTurn("tool", Text(result.Result)) { ToolCallId = result.CallId, Name = names.GetValueOrDefault(result.CallId) });
                        break;
                    default:
                        throw new NotSupportedException($"A message holds {content.GetType().Name}; only text, function calls and their results can be given to this model.");
                }
            }

            if (text.Length > 0 || calls.Count > 0 || results.Count == 0)
                turns.Add(new ChatTurn(message.Role.Value, text.ToString()) { ToolCalls = calls.Count > 0 ? calls : null });
            turns.AddRange(results);
        }

        return turns;
    }

    /// <summary>How to generate for a request.</summary>
    public static GenerationOptions Generation(ChatOptions? options, ToolSet tools)
    {
        SamplingOptions sampling = new();
        Grammar? answer = options?.ResponseFormat is ChatResponseFormatJson json
            ? json.Schema is { } schema ? Grammar.JsonSchema(schema) : Grammar.JsonObject()
            : null;
        return new GenerationOptions
        {
            MaxTokens = options?.MaxOutputTokens ?? 0,
            Stop = options?.StopSequences is { } stops ? [.. stops] : [],
            Grammar = tools.GrammarFor(answer),
            Sampling = sampling with
            {
                Temperature = options?.Temperature ?? sampling.Temperature,
                TopP = options?.TopP ?? sampling.TopP,
                TopK = options?.TopK ?? sampling.TopK,
                Seed = options?.Seed is { } seed ? unchecked((ulong)seed) : sampling.Seed,
            },
        };
    }

    /// <summary>A call as the caller takes it.</summary>
    public static FunctionCallContent Content(ToolCall call)
    {
        using JsonDocument arguments = JsonDocument.Parse(call.Arguments);
        return new FunctionCallContent(call.Id, call.Name, arguments.RootElement.EnumerateObject().DistinctBy(p => p.Name)
            .ToDictionary(property => property.Name, property => (object?)property.Value.Clone()));
    }

    private static ToolChoice Choice(ChatToolMode? mode) => mode switch
    {
        NoneChatToolMode => ToolChoice.None,
        RequiredChatToolMode { RequiredFunctionName: { } name } => ToolChoice.Named(name),
        RequiredChatToolMode => ToolChoice.Required,
        _ => ToolChoice.Auto,
    };

    private static string Text(object? result) => result switch
    {
        null => "",
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } element => element.GetString()!,
        JsonElement element => element.GetRawText(),
        _ => Json(result, typeof(object)),
    };

    private static string Json(object value, Type type) => JsonSerializer.Serialize(value, AIJsonUtilities.DefaultOptions.GetTypeInfo(type));
}
