using System.Globalization;
using System.Text;
using System.Text.Json;
using Json.Schema;

namespace Halfspace.Runtime.Tests.Generation.Grammars;

/// <summary>Says whether a text is valid by a schema: a validator that knows nothing of grammars, made to judge by the standard.</summary>
internal static class SchemaJudge
{
    // No schema here asks for it or forbids it, and it joins no other character.
    private const string Plain = "\u00A4";

    public static bool IsValid(string schema, string text)
    {
        using JsonDocument document = JsonDocument.Parse(ForValidator(text));
        return JsonSchema.FromText(schema).Evaluate(document.RootElement).IsValid;
    }

    /// <summary>The text with what the validator takes for something else put otherwise.</summary>
    private static ReadOnlyMemory<byte> ForValidator(string text)
    {
        using MemoryStream memory = new();
        using Utf8JsonWriter writer = new(memory);
        Utf8JsonReader reader = new(Encoding.UTF8.GetBytes(text));
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    writer.WriteStartObject();
                    break;
                case JsonTokenType.EndObject:
                    writer.WriteEndObject();
                    break;
                case JsonTokenType.StartArray:
                    writer.WriteStartArray();
                    break;
                case JsonTokenType.EndArray:
                    writer.WriteEndArray();
                    break;
                case JsonTokenType.PropertyName:
                    writer.WritePropertyName(reader.GetString()!);
                    break;
                case JsonTokenType.String:
                    writer.WriteStringValue(Countable(reader.GetString()!));
                    break;
                // It compares numbers as decimals and throws at one beyond them. Bounds of schemas lie far within.
                case JsonTokenType.Number when !reader.TryGetDecimal(out _):
                    writer.WriteNumberValue(reader.ValueSpan[0] == (byte)'-' ? decimal.MinValue : decimal.MaxValue);
                    break;
                default:
                    writer.WriteRawValue(reader.ValueSpan);
                    break;
            }
        }

        writer.Flush();
        return memory.ToArray();
    }

    /// <summary>A text as long for the validator as it is in code points, which the standard counts: the validator counts a letter and its accents as one.</summary>
    private static string Countable(string text)
    {
        int length = text.EnumerateRunes().Count();
        if (new StringInfo(text).LengthInTextElements == length) return text;
        string plain = string.Concat(text.EnumerateRunes().Select(rune => rune.IsAscii || Rune.IsWhiteSpace(rune) ? rune.ToString() : Plain))
            .Replace("\r\n", "\r\r", StringComparison.Ordinal);
        Assert.Equal(length, new StringInfo(plain).LengthInTextElements);
        return plain;
    }
}
