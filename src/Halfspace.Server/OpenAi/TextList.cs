using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halfspace.Server.OpenAi;

/// <summary>One text or several.</summary>
[JsonConverter(typeof(Converter))]
internal sealed record TextList(IReadOnlyList<string> Texts)
{
    public const string Phrase = "a text or an array of texts";

    internal sealed class Converter : JsonConverter<TextList>
    {
        public override TextList Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.String) return new TextList([reader.GetString()!]);
            if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException();
            List<string> texts = [];
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                texts.Add(reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException());
            return new TextList(texts);
        }

        public override void Write(Utf8JsonWriter writer, TextList value, JsonSerializerOptions options)
        {
            writer.WriteStartArray();
            foreach (string text in value.Texts) writer.WriteStringValue(text);
            writer.WriteEndArray();
        }
    }
}
