namespace Halfspace.Runtime.Chat;

/// <summary>How calls are written: as Hermes and Qwen do, and as models without a way of their own are asked to.</summary>
internal static class ToolMarkup
{
    public const string CallBegin = "<tool_call>";
    public const string CallEnd = "</tool_call>";
    public const string ResultBegin = "<tool_response>";
    public const string ResultEnd = "</tool_response>";

    /// <summary>A call with its marks.</summary>
    public static string Call(ToolCall call) => $"{CallBegin}\n{{\"name\": {JsonTree.Quote(call.Name)}, \"arguments\": {call.Arguments}}}\n{CallEnd}";

    /// <summary>A result with its marks.</summary>
    public static string Result(string content) => $"{ResultBegin}\n{content}\n{ResultEnd}";
}
