using Halfspace.Runtime;
using Halfspace.Runtime.Chat;
using Halfspace.Server.Http;

namespace Halfspace.Server.OpenAi;

/// <summary>A request's messages as the template takes them.</summary>
internal static class ChatTurns
{
    /// <summary>The messages, checked.</summary>
    /// <param name="messages">What the request has.</param>
    /// <param name="field">Where it has it.</param>
    public static List<ChatTurn> From(List<ChatRequestMessage?>? messages, string field)
    {
        if (messages is not { Count: > 0 }) throw ApiException.Field(field, $"{field} is missing or empty; give at least one message.");
        List<ChatTurn> turns = [];
        for (int i = 0; i < messages.Count; i++)
        {
            string at = $"{field}[{i}]";
            if (messages[i] is not { } message) throw ApiException.Field(at, $"{at} is null; give an object with role and content.");
            string role = message.Role switch
            {
                "system" or "developer" => "system",
                "user" or "assistant" or "tool" => message.Role,
                _ => throw ApiException.Field(at + ".role", $"{at}.role must be system, developer, user, assistant or tool."),
            };
            IReadOnlyList<ToolCall>? calls = role == "assistant" && message.ToolCalls is { Count: > 0 } given ? Calls(given, at) : null;
            if (message.Content is null && calls is null)
                throw ApiException.Field(at + ".content", $"{at}.content is missing; give a text.");
            turns.Add(new ChatTurn(role, message.Content?.Text ?? "")
            {
                ToolCalls = calls,
                ToolCallId = role == "tool" ? message.ToolCallId : null,
                Name = role == "tool" ? message.Name ?? Called(turns, message.ToolCallId) : null,
            });
        }

        return turns;
    }

    /// <summary>The prompt's tokens through the model's own template.</summary>
    public static int[] Encode(HalfspaceModel model, IReadOnlyList<ChatTurn> turns, ToolSet? tools, string field)
    {
        try
        {
            return model.EncodeChat(turns, tools);
        }
        catch (ChatTemplateException e)
        {
            string reason = e.InnerException?.Message.TrimEnd('.') ?? "it cannot be rendered";
            throw ApiException.Field(field, $"The model's chat template does not take these messages: {reason}.");
        }
        catch (ModelException)
        {
            throw ApiException.Field(field, "This model has no chat template; use /v1/completions.");
        }
    }

    private static IReadOnlyList<ToolCall> Calls(List<ToolCallBody?> calls, string at) =>
    [
        .. calls.Select((call, i) => call is { Id: { } id, Function: { Name: { } name, Arguments: { } arguments } }
            ? new ToolCall(id, name, arguments)
            : throw ApiException.Field($"{at}.tool_calls[{i}]",
                $"{at}.tool_calls[{i}] must have an id, and a function with name and arguments.")),
    ];

    /// <summary>The function that a result belongs to.</summary>
    private static string? Called(List<ChatTurn> turns, string? id) =>
        turns.SelectMany(turn => turn.ToolCalls ?? []).LastOrDefault(call => call.Id == id)?.Name;
}
