using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Halfspace.Runtime.Chat;

/// <summary>JSON as values that templates take, and back as text.</summary>
internal static class JsonTree
{
    private static readonly JsonWriterOptions _plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A value as null, bool, long, double, text, lists and dictionaries.</summary>
    /// <param name="value">Undefined is null.</param>
    /// <param name="guard">What every text and name goes through.</param>
    public static object? Of(JsonElement value, Func<string, string> guard)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                OrderedDictionary<string, object?> members = new(StringComparer.Ordinal);
                foreach (JsonProperty property in value.EnumerateObject()) members[guard(property.Name)] = Of(property.Value, guard);
                return members;
            case JsonValueKind.Array:
                return value.EnumerateArray().Select(item => Of(item, guard)).ToList();
            case JsonValueKind.String:
                return guard(value.GetString()!);
            case JsonValueKind.Number:
                return value.TryGetInt64(out long integer) ? integer
                    : value.GetDouble() is var number && double.IsFinite(number) ? number
                    : value.GetRawText();
            case JsonValueKind.True or JsonValueKind.False:
                return value.GetBoolean();
            default:
                return null;
        }
    }

    /// <summary>How many levels of objects and arrays a value has.</summary>
    public static int Depth(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => 1 + value.EnumerateObject().Select(p => Depth(p.Value)).DefaultIfEmpty(0).Max(),
        JsonValueKind.Array => 1 + value.EnumerateArray().Select(Depth).DefaultIfEmpty(0).Max(),
        _ => 0,
    };

    /// <summary>Reads an object; false if the text is none.</summary>
    public static bool TryParseObject(string text, out JsonElement value)
    {
        value = default;
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            value = document.RootElement.Clone();
            return value.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>A text as a JSON string.</summary>
    public static string Quote(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    /// <summary>A value of <see cref="Of"/> as JSON.</summary>
    public static string Write(object? value)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, _plain)) Write(writer, value);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Write(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case IEnumerable<KeyValuePair<string, object?>> members:
                writer.WriteStartObject();
                foreach ((string name, object? member) in members)
                {
                    writer.WritePropertyName(name);
                    Write(writer, member);
                }

                writer.WriteEndObject();
                break;
            case IEnumerable<object?> items:
                writer.WriteStartArray();
                foreach (object? item in items) Write(writer, item);
                writer.WriteEndArray();
                break;
            case string text: writer.WriteStringValue(text); break;
            case long number: writer.WriteNumberValue(number); break;
            case double number: writer.WriteNumberValue(number); break;
            case bool flag: writer.WriteBooleanValue(flag); break;
            default: writer.WriteNullValue(); break;
        }
    }
}
