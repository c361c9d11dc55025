using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halfspace.Server.OpenAi.Responses;

/// <summary>What is asked: one text of the user, or the messages of a conversation.</summary>
[JsonConverter(typeof(Converter))]
internal sealed record ResponseInput(List<ChatRequestMessage?> Messages)
{
    public const string Phrase = "a text, or an array of messages with role and content; this server reads nothing else";

    internal sealed class Converter : JsonConverter<ResponseInput>
    {
        private static readonly TextContent.Converter _content = new();

        public override ResponseInput Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.String)
                return new ResponseInput([new ChatRequestMessage { Role = "user", Content = new TextContent(reader.GetString()!) }]);
            if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException();
            List<ChatRequestMessage?> messages = [];
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) messages.Add(Message(ref reader, options));
            return new ResponseInput(messages);
        }

        public override void Write(Utf8JsonWriter writer, ResponseInput value, JsonSerializerOptions options) =>
            throw new NotSupportedException();

        private static ChatRequestMessage Message(ref Utf8JsonReader reader, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException();
            string? role = null;
            TextContent? content = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                reader.Read();
                switch (name)
                {
                    case "role":
                        role = Text(ref reader);
                        break;
                    case "content":
                        content = _content.Read(ref reader, typeof(TextContent), options);
                        break;
                    case "type" when Text(ref reader) != "message":
                        throw new JsonException();
                    default:
                        reader.Skip();
                        break;
                }
            }

            return new ChatRequestMessage { Role = role, Content = content };
        }

        private static string Text(ref Utf8JsonReader reader) =>
            reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException();
    }
}
