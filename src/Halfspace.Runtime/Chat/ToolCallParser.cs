using System.Text;
using System.Text.Json;

namespace Halfspace.Runtime.Chat;

/// <summary>Takes the calls out of a streamed answer: JSON with <c>name</c> and <c>arguments</c> within <c>&lt;tool_call&gt;</c> marks. What
/// looks like a call and is none stays text. For one answer.</summary>
public sealed class ToolCallParser
{
    private readonly List<ToolCall> _calls = [];
    private readonly StringBuilder _open = new(); // text that may be, or is, part of a call
    private bool _inCall;

    /// <summary>The calls so far.</summary>
    public IReadOnlyList<ToolCall> Calls => _calls;

    /// <summary>Takes the next text.</summary>
    /// <returns>Text that is certain not to belong to a call.</returns>
    public string Append(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _open.Append(text);
        if (text.Length == 0) return "";
        StringBuilder plain = new();
        while (_inCall ? TakeCall(plain) : TakeText(plain))
        {
        }

        return plain.ToString();
    }

    /// <summary>Ends the answer. A call that lacks only its closing mark counts.</summary>
    /// <returns>The text that was held back.</returns>
    public string Flush()
    {
        string rest = _open.ToString();
        _open.Clear();
        bool wasCall = _inCall && TryAdd(rest[ToolMarkup.CallBegin.Length..]);
        _inCall = false;
        return wasCall || (_calls.Count > 0 && string.IsNullOrWhiteSpace(rest)) ? "" : rest;
    }

    /// <summary>Gives the text up to where a call begins or may begin; true if one does.</summary>
    private bool TakeText(StringBuilder plain)
    {
        string text = _open.ToString();
        int at = text.IndexOf(ToolMarkup.CallBegin, StringComparison.Ordinal);
        int given = at >= 0 ? at : text.Length - LongestBegin(text);
        // White space before a call goes with it, and may yet be before one.
        string kept = text[..given].TrimEnd();
        plain.Append(kept);
        _open.Remove(0, at >= 0 ? given : kept.Length);
        return _inCall = at >= 0;
    }

    private bool TakeCall(StringBuilder plain)
    {
        string text = _open.ToString();
        int end = text.IndexOf(ToolMarkup.CallEnd, StringComparison.Ordinal);
        if (end < 0) return false;
        int after = end + ToolMarkup.CallEnd.Length;
        if (!TryAdd(text[ToolMarkup.CallBegin.Length..end])) plain.Append(text, 0, after);
        _open.Remove(0, after);
        _inCall = false;
        return true;
    }

    private bool TryAdd(string json)
    {
        if (!JsonTree.TryParseObject(json.Trim(), out JsonElement call)) return false;
        if (!call.TryGetProperty("name", out JsonElement name) || name.ValueKind != JsonValueKind.String) return false;
        if (!call.TryGetProperty("arguments", out JsonElement arguments)) arguments = call.TryGetProperty("parameters", out JsonElement other) ? other : default;
        string text = arguments.ValueKind switch
        {
            JsonValueKind.Undefined or JsonValueKind.Null => "{}",
            JsonValueKind.String => arguments.GetString()!,
            _ => arguments.GetRawText(),
        };
        if (!JsonTree.TryParseObject(text, out _)) return false;
        _calls.Add(new ToolCall($"call_{Guid.NewGuid():N}"[..29], name.GetString()!, text));
        return true;
    }

    /// <summary>How many characters at the end may begin a mark.</summary>
    private static int LongestBegin(string text)
    {
        for (int length = Math.Min(text.Length, ToolMarkup.CallBegin.Length - 1); length > 0; length--)
            if (text.EndsWith(ToolMarkup.CallBegin[..length], StringComparison.Ordinal)) return length;
        return 0;
    }
}
