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
                "user" or "assistant" => message.Role,
                _ => throw ApiException.Field(at + ".role", $"{at}.role must be system, developer, user or assistant."),
            };
            if (message.Content is not { } content) throw ApiException.Field(at + ".content", $"{at}.content is missing; give a text.");
            turns.Add(new ChatTurn(role, content.Text));
        }

        return turns;
    }

    /// <summary>The prompt's tokens through the model's own template.</summary>
    public static int[] Encode(HalfspaceModel model, IReadOnlyList<ChatTurn> turns, string field)
    {
        try
        {
            return model.EncodeChat(turns);
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
}
