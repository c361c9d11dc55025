using Halfspace.Runtime.Chat;
using Halfspace.Server.Http;

namespace Halfspace.Server.OpenAi;

/// <summary>A request's messages as the template takes them.</summary>
internal static class ChatTurns
{
    public static List<ChatTurn> From(List<ChatRequestMessage?>? messages)
    {
        if (messages is not { Count: > 0 }) throw ApiException.Field("messages", "messages is missing or empty; give at least one message.");
        List<ChatTurn> turns = [];
        for (int i = 0; i < messages.Count; i++)
        {
            if (messages[i] is not { } message) throw ApiException.Field($"messages[{i}]", $"messages[{i}] is null; give an object with role and content.");
            string role = message.Role switch
            {
                "system" or "developer" => "system",
                "user" or "assistant" => message.Role,
                _ => throw ApiException.Field($"messages[{i}].role", $"messages[{i}].role must be system, developer, user or assistant."),
            };
            if (message.Content is not { } content)
                throw ApiException.Field($"messages[{i}].content", $"messages[{i}].content is missing; give a text.");
            turns.Add(new ChatTurn(role, content.Text));
        }

        return turns;
    }
}
