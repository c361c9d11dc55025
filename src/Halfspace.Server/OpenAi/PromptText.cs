using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halfspace.Server.OpenAi;

/// <summary>A completion's prompt: a text, or token ids.</summary>
/// <param name="Text">The text; null if ids are given.</param>
/// <param name="Ids">The ids; null if a text is given.</param>
[JsonConverter(typeof(Converter))]
internal sealed record PromptText(string? Text, int[]? Ids)
{
    public const string Phrase = "a text, an array of one text, or an array of token ids; several prompts in a request are not taken";

    internal sealed class Converter : JsonConverter<PromptText>
    {
        public override PromptText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.String) return new PromptText(reader.GetString(), null);
            if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException();
            string? text = null;
            List<int> ids = [];
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType == JsonTokenType.Number && text is null && reader.TryGetInt32(out int id)) ids.Add(id);
                else if (reader.TokenType == JsonTokenType.String && text is null && ids.Count == 0) text = reader.GetString();
                else throw new JsonException();
            }

            return new PromptText(text, text is null ? [.. ids] : null);
        }

        public override void Write(Utf8JsonWriter writer, PromptText value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Text);
    }
}
