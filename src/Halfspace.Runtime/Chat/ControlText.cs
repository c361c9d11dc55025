using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Chat;

/// <summary>Keeps texts of control tokens in a message from being read as the tokens: they are cut by a mark at which encoding is split.</summary>
internal sealed class ControlText
{
    /// <summary>The mark, a character of no script. Where a message has it already, it is dropped.</summary>
    public const char Mark = '\uFDD0';

    private readonly string[] _texts;

    public ControlText(Tokenizer tokenizer) =>
        _texts = [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(tokenizer.IsSpecial).Select(tokenizer.TokenText).Where(text => text.Length > 1)];

    /// <summary>The message with each control token's text cut after its first character.</summary>
    public string Guard(string message)
    {
        message = message.Replace(Mark.ToString(), "", StringComparison.Ordinal);
        foreach (string text in _texts)
            if (message.Contains(text, StringComparison.Ordinal))
                message = message.Replace(text, text[..1] + Mark + text[1..], StringComparison.Ordinal);
        return message;
    }
}
