using System.Text.Json.Serialization.Metadata;
using Halfspace.Server.OpenAi;
using Halfspace.Server.OpenAi.Responses;

namespace Halfspace.Server.Http;

/// <summary>Says in words what a field takes.</summary>
internal static class JsonShape
{
    private static readonly Dictionary<Type, string> _phrases = new()
    {
        [typeof(TextContent)] = TextContent.Phrase,
        [typeof(TextList)] = TextList.Phrase,
        [typeof(PromptText)] = PromptText.Phrase,
        [typeof(ResponseInput)] = ResponseInput.Phrase,
    };

    /// <summary>What belongs at a path such as <c>messages[0].role</c> below a type.</summary>
    public static string At(JsonTypeInfo type, string path)
    {
        JsonTypeInfo? here = type;
        Type? shape = type.Type;
        foreach (string part in path.Split('.'))
        {
            string name = part.Split('[')[0];
            shape = here?.Properties.FirstOrDefault(property => property.Name == name)?.PropertyType;
            if (shape is null) return "what the documentation says";
            if (part.Contains('[', StringComparison.Ordinal)) shape = Element(shape);
            here = Info(type, shape);
        }

        return Words(shape);
    }

    private static Type Element(Type list) => list.IsGenericType ? list.GetGenericArguments()[0] : list;

    private static JsonTypeInfo? Info(JsonTypeInfo root, Type shape) =>
        root.Options.TryGetTypeInfo(shape, out JsonTypeInfo? info) && info.Kind == JsonTypeInfoKind.Object ? info : null;

    private static string Words(Type shape)
    {
        Type type = Nullable.GetUnderlyingType(shape) ?? shape;
        if (type == typeof(string)) return "a text";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(int) || type == typeof(long)) return "a whole number";
        if (type == typeof(float) || type == typeof(double)) return "a number";
        if (_phrases.TryGetValue(type, out string? phrase)) return phrase;
        return type.IsGenericType ? "an array" : "an object";
    }
}
