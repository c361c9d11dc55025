using System.Net;
using System.Text.Json;

namespace Halfspace.Server.Tests;

/// <summary>The routes as plain HTTP.</summary>
public sealed class RouteTests(TinyServer tiny) : IClassFixture<TinyServer>
{
    private readonly RunningServer _server = tiny.Server;

    [Fact]
    public async Task Health_and_readiness_are_told_to_everyone()
    {
        Assert.Equal(HttpStatusCode.OK, (await _server.GetAsync("/health")).Status);
        Assert.Equal(HttpStatusCode.OK, (await _server.GetAsync("/ready")).Status);
    }

    [Fact]
    public async Task Models_are_listed_and_shown()
    {
        JsonElement entry = Assert.Single((await _server.GetAsync("/v1/models")).Json.GetProperty("data").EnumerateArray());
        Assert.Equal(TinyServer.Name, entry.GetProperty("id").GetString());
        Assert.Equal(TinyServer.Name, (await _server.GetAsync("/v1/models/tiny")).Json.GetProperty("id").GetString());
        (await _server.GetAsync("/v1/models/other")).ExpectError(HttpStatusCode.NotFound, "model", "no model");
    }

    [Fact]
    public async Task A_completion_continues_a_text_or_its_tokens()
    {
        Reply text = await _server.PostAsync("/v1/completions", """{"model": "tiny", "prompt": "abc", "max_tokens": 5}""");
        Reply ids = await _server.PostAsync("/v1/completions", """{"model": "tiny", "prompt": [97, 98, 99], "max_tokens": 5}""");
        Assert.Equal(HttpStatusCode.OK, text.Status);
        Assert.Equal(Choice(text).GetProperty("text").GetString(), Choice(ids).GetProperty("text").GetString());
        Assert.Equal("length", Choice(text).GetProperty("finish_reason").GetString());
        JsonElement usage = text.Json.GetProperty("usage");
        Assert.Equal(3, usage.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(8, usage.GetProperty("total_tokens").GetInt32());
        Assert.True(usage.GetProperty("prompt_tokens_details").TryGetProperty("cached_tokens", out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_ends_with_done_and_usage_if_asked(bool usage)
    {
        string options = usage ? ", \"stream_options\": {\"include_usage\": true}" : "";
        Reply reply = await _server.PostAsync("/v1/completions",
            $$"""{"prompt": "abc", "max_tokens": 5, "stream": true, "logprobs": 2{{options}}}""");
        string[] events = reply.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", events[^1]);
        JsonElement[] chunks = [.. events[..^1].Select(line => JsonDocument.Parse(line["data: ".Length..]).RootElement)];
        Assert.Equal(usage ? 1 : 0, chunks.Count(chunk => chunk.TryGetProperty("usage", out _)));
        JsonElement[] choices = [.. chunks.Where(chunk => chunk.GetProperty("choices").GetArrayLength() > 0).Select(chunk =>
            chunk.GetProperty("choices")[0])];
        Assert.Equal("length", choices[^1].GetProperty("finish_reason").GetString());
        Assert.Equal(5, choices.Count(choice => choice.TryGetProperty("logprobs", out JsonElement l)
            && l.GetProperty("tokens").GetArrayLength() == 1));
    }

    [Fact]
    public async Task Embeddings_are_not_offered_and_other_routes_are_not_there()
    {
        (await _server.PostAsync("/v1/embeddings", "{}")).ExpectError(HttpStatusCode.NotFound, null, "Embeddings");
        (await _server.GetAsync("/v1/nothing")).ExpectError(HttpStatusCode.NotFound, null, "no such route");
        (await _server.GetAsync("/v1/chat/completions")).ExpectError(HttpStatusCode.NotFound, null, "method");
    }

    private static JsonElement Choice(Reply reply) => reply.Json.GetProperty("choices")[0];
}
