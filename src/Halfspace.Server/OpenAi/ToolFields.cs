using System.Text.Json;
using Halfspace.Runtime;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Halfspace.Server.Http;

namespace Halfspace.Server.OpenAi;

/// <summary>A request's tools and form of answer as the runtime takes them.</summary>
internal static class ToolFields
{
    /// <summary>The functions that may be called; null if there are none.</summary>
    public static ToolSet? Tools(ChatRequest request)
    {
        if (request.Tools is not { Count: > 0 } tools) return null;
        List<ToolDefinition> functions = [];
        for (int i = 0; i < tools.Count; i++)
        {
            if (tools[i] is not { Type: "function", Function: { Name: { } name } function })
                throw ApiException.Field($"tools[{i}]", $"tools[{i}] must have type function, and a function with a name.");
            functions.Add(new ToolDefinition(name, function.Description,
                function.Parameters is { ValueKind: not JsonValueKind.Null } given ? given : default));
        }

        ToolChoice choice = Choice(request.ToolChoice);
        try
        {
            return new ToolSet(functions, choice, request.ParallelToolCalls != false);
        }
        catch (ModelException e)
        {
            throw ApiException.Field("tools", e.Message);
        }
    }

    /// <summary>What the answer must look like; null for any text.</summary>
    public static Grammar? Grammar(ChatRequest request, ToolSet? tools)
    {
        Grammar? answer = Answer(request.ResponseFormat);
        if (tools is null) return answer;
        try
        {
            return tools.GrammarFor(answer);
        }
        catch (ModelException e)
        {
            throw ApiException.Field("tools", e.Message);
        }
    }

    /// <summary>Calls as an answer has them.</summary>
    public static ToolCallBody[] Calls(IReadOnlyList<ToolCall> calls, int first = 0) =>
        [.. calls.Skip(first).Select((call, i) => new ToolCallBody(first + i, call.Id, "function",
            new FunctionCallBody(call.Name, call.Arguments)))];

    private static Grammar? Answer(ResponseFormat? format)
    {
        switch (format?.Type)
        {
            case null or "text":
                return null;
            case "json_object":
                return Runtime.Generation.Grammar.JsonObject();
            case "json_schema":
                if (format.JsonSchema?.Schema is not { ValueKind: not JsonValueKind.Null } schema)
                    throw ApiException.Field("response_format.json_schema.schema",
                        "response_format.json_schema.schema is missing; give a JSON schema.");
                try
                {
                    return Runtime.Generation.Grammar.JsonSchema(schema);
                }
                catch (ModelException e)
                {
                    throw ApiException.Field("response_format.json_schema.schema", e.Message);
                }

            default:
                throw ApiException.Field("response_format.type", "response_format.type must be text, json_object or json_schema.");
        }
    }

    private static ToolChoice Choice(JsonElement? choice)
    {
        if (choice is not { ValueKind: not JsonValueKind.Null } given) return ToolChoice.Auto;
        if (given.ValueKind == JsonValueKind.String)
        {
            switch (given.GetString())
            {
                case "none": return ToolChoice.None;
                case "auto": return ToolChoice.Auto;
                case "required": return ToolChoice.Required;
            }
        }

        return given.ValueKind == JsonValueKind.Object && given.TryGetProperty("function", out JsonElement function)
            && function.ValueKind == JsonValueKind.Object && function.TryGetProperty("name", out JsonElement name)
                && name.ValueKind == JsonValueKind.String
            ? ToolChoice.Named(name.GetString()!)
            : throw ApiException.Field("tool_choice",
                "tool_choice must be none, auto, required, or {\"type\": \"function\", \"function\": {\"name\": \"…\"}}.");
    }
}
