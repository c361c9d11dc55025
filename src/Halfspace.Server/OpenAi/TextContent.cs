using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halfspace.Server.OpenAi;

/// <summary>A message's content: a text, or an array of parts that hold text.</summary>
/// <param name="Text">The text, parts joined.</param>
[JsonConverter(typeof(Converter))]
internal sealed record TextContent(string Text)
{
    public const string Phrase = "a text, or an array of parts {\"type\": \"text\", \"text\": \"…\"}; this server reads nothing else";

    internal sealed class Converter : JsonConverter<TextContent>
    {
        public override TextContent Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.String) return new TextContent(reader.GetString()!);
            if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException();
            StringBuilder text = new();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) text.Append(Part(ref reader));
            return new TextContent(text.ToString());
        }

        public override void Write(Utf8JsonWriter writer, TextContent value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Text);

        private static string Part(ref Utf8JsonReader reader)
        {
            if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException();
            string? type = null, text = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isType = reader.ValueTextEquals("type"), isText = reader.ValueTextEquals("text");
                reader.Read();
                if (isType || isText)
                {
                    if (reader.TokenType != JsonTokenType.String) throw new JsonException();
                    if (isType) type = reader.GetString();
                    else text = reader.GetString();
                }
                else
                {
                    reader.Skip();
                }
            }

            return type is "text" or "input_text" or "output_text" && text is not null ? text : throw new JsonException();
        }
    }
}
