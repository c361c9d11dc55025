using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Halfspace.Server.Http;

/// <summary>Server-sent events: each a line of JSON, sent at once.</summary>
internal sealed class EventStream(HttpContext http)
{
    /// <summary>The type of the response.</summary>
    public const string ContentType = "text/event-stream";

    /// <summary>Sends the headers.</summary>
    public Task StartAsync()
    {
        http.Response.ContentType = ContentType;
        http.Response.Headers.CacheControl = "no-cache";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        return http.Response.BodyWriter.FlushAsync(http.RequestAborted).AsTask();
    }

    /// <summary>Sends an event, with a name if it has one.</summary>
    public async Task SendAsync<T>(T value, JsonTypeInfo<T> type, string? name = null)
    {
        if (name is not null) Write("event: "u8, name);
        http.Response.BodyWriter.Write("data: "u8);
        using (Utf8JsonWriter json = new(http.Response.BodyWriter, new JsonWriterOptions { Encoder = type.Options.Encoder }))
            JsonSerializer.Serialize(json, value, type);
        http.Response.BodyWriter.Write("\n\n"u8);
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Sends the mark that nothing follows.</summary>
    public async Task DoneAsync()
    {
        http.Response.BodyWriter.Write("data: [DONE]\n\n"u8);
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted).ConfigureAwait(false);
    }

    private void Write(ReadOnlySpan<byte> label, string text)
    {
        http.Response.BodyWriter.Write(label);
        http.Response.BodyWriter.Write(System.Text.Encoding.UTF8.GetBytes(text));
        http.Response.BodyWriter.Write("\n"u8);
    }
}
