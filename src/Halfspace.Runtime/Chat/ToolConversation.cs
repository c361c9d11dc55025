using System.Text;
using System.Text.Json;

namespace Halfspace.Runtime.Chat;

/// <summary>Conversations with tools as templates take them: for those that know of tools as they are, for others as plain text.</summary>
internal static class ToolConversation
{
    /// <summary>The template's variable <c>tools</c>: functions as OpenAI's API describes them.</summary>
    public static List<object?> Describe(IReadOnlyList<ToolDefinition> tools, Func<string, string> guard) => [.. tools.Select(tool =>
    {
        OrderedDictionary<string, object?> function = new() { ["name"] = tool.Name };
        if (tool.Description is { Length: > 0 } description) function["description"] = guard(description);
        function["parameters"] = tool.Parameters.ValueKind == JsonValueKind.Undefined
            ? new OrderedDictionary<string, object?> { ["type"] = "object", ["properties"] = new OrderedDictionary<string, object?>() }
            : JsonTree.Of(tool.Parameters, guard);
        return (object?)new OrderedDictionary<string, object?> { ["type"] = "function", ["function"] = function };
    })];

    /// <summary>The conversation for a template that knows of no tools: they are described in the system message, calls stand in the
    /// assistant's text, and results are told by the user.</summary>
    public static List<ChatTurn> AsText(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition> tools, Func<string, string> guard)
    {
        List<ChatTurn> text = [];
        foreach (ChatTurn turn in turns)
        {
            if (turn.Role == "tool")
            {
                string result = ToolMarkup.Result(turn.Content);
                bool goesOn = text.Count > 0 && text[^1] is { Role: "user", ToolCallId: not null };
                if (goesOn) text[^1] = text[^1] with { Content = $"{text[^1].Content}\n{result}" };
                else text.Add(new ChatTurn("user", result) { ToolCallId = turn.ToolCallId ?? "" });
            }
            else if (turn.ToolCalls is { Count: > 0 } calls)
            {
                IEnumerable<string> parts = calls.Select(ToolMarkup.Call);
                text.Add(new ChatTurn(turn.Role, string.Join('\n', string.IsNullOrEmpty(turn.Content) ? parts : parts.Prepend(turn.Content))));
            }
            else
            {
                text.Add(turn);
            }
        }

        if (tools.Count == 0) return text;
        string prompt = guard(Prompt(tools));
        if (text.Count > 0 && text[0].Role == "system") text[0] = text[0] with { Content = $"{text[0].Content}\n\n{prompt}" };
        else text.Insert(0, new ChatTurn("system", prompt));
        return text;
    }

    private static string Prompt(IReadOnlyList<ToolDefinition> tools)
    {
        StringBuilder prompt = new("You can call functions. These are their signatures, one a line, within <tools></tools>:\n<tools>\n");
        foreach (object? tool in Describe(tools, text => text)) prompt.Append(JsonTree.Write(tool)).Append('\n');
        prompt.Append("</tools>\n\nTo call a function, answer with its name and its arguments as JSON, like this:\n")
            .Append(ToolMarkup.CallBegin).Append("\n{\"name\": \"function's name\", \"arguments\": {\"argument's name\": \"value\"}}\n").Append(ToolMarkup.CallEnd)
            .Append("\nThe result then comes within ").Append(ToolMarkup.ResultBegin).Append(ToolMarkup.ResultEnd)
            .Append(". If no function is needed, answer in plain text.");
        return prompt.ToString();
    }
}
