namespace Halfspace.Runtime.Chat;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks, in the template's words: usually <c>system</c>, <c>user</c> or <c>assistant</c>.</param>
/// <param name="Content">The message's text.</param>
public readonly record struct ChatTurn(string Role, string Content);
