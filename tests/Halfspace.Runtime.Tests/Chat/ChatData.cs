using System.Text.Json;
using Halfspace.Runtime.Chat;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Chat;

/// <summary>The chat tests' files, and rendering as they expect it: fixed tokens and a fixed clock.</summary>
/// <remarks>The expected texts are what Jinja2 3.1 renders in an immutable sandbox with trim_blocks, lstrip_blocks, loop controls, and
/// tojson, raise_exception and strftime_now as transformers defines them.</remarks>
internal static class ChatData
{
    public static JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllText(Path(name))).RootElement;

    public static string Template(string name) => File.ReadAllText(Path($"templates/{name}"));

    public static IEnumerable<string> Templates =>
        Directory.GetFiles(Path("templates"), "*.jinja").Select(path => System.IO.Path.GetFileName(path)!).Order(StringComparer.Ordinal);

    public static string Render(string template, Dictionary<string, object?>? variables = null, bool addGenerationPrompt = false) =>
        ChatTemplate.Parse(template, new FixedClock()).Render([], addGenerationPrompt, "<s>", "</s>", variables);

    public static Dictionary<string, object?> Variables(JsonElement element) => (Dictionary<string, object?>)Value(element)!;

    private static string Path(string name) => Repository.File($"tests/Halfspace.Runtime.Tests/Chat/{name}");

    private static object? Value(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object: return element.EnumerateObject().ToDictionary(p => p.Name, p => Value(p.Value));
            case JsonValueKind.Array: return element.EnumerateArray().Select(Value).ToList();
            case JsonValueKind.String: return element.GetString();
            case JsonValueKind.Number when element.TryGetInt64(out long integer): return integer;
            case JsonValueKind.Number: return element.GetDouble();
            case JsonValueKind.Null: return null;
            default: return element.GetBoolean();
        }
    }

    private sealed class FixedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2024, 7, 26, 14, 5, 9, TimeSpan.Zero);
    }
}
