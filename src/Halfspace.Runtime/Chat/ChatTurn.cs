namespace Halfspace.Runtime.Chat;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks, in the template's words: usually <c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</param>
/// <param name="Content">The message's text; the result of a call if the role is <c>tool</c>.</param>
public readonly record struct ChatTurn(string Role, string Content)
{
    /// <summary>The assistant's calls, after its text; null for none.</summary>
    public IReadOnlyList<ToolCall>? ToolCalls { get; init; }

    /// <summary>The call that this is the result of, if the role is <c>tool</c>.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>The function that this is the result of, if the role is <c>tool</c>.</summary>
    public string? Name { get; init; }
}
