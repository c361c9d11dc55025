using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Halfspace.Server.Tests;

/// <summary>Whatever is sent, the sender is told what is wrong and the server lives.</summary>
public sealed class BadInputTests(TinyServer tiny) : IClassFixture<TinyServer>
{
    private const string User = """{"role": "user", "content": "Hi."}""";
    private readonly RunningServer _server = tiny.Server;

    [Theory]
    [InlineData("", null, "not valid JSON")]
    [InlineData("{", null, "not valid JSON")]
    [InlineData("""{"messages": [}""", null, "not valid JSON")]
    [InlineData("null", null, "null")]
    [InlineData("[]", null, "object")]
    [InlineData("\"text\"", null, "object")]
    [InlineData("{}", "messages", "missing")]
    [InlineData("""{"messages": []}""", "messages", "empty")]
    [InlineData("""{"messages": [null]}""", "messages[0]", "null")]
    [InlineData("""{"messages": "Hi."}""", "messages", "an array")]
    [InlineData("""{"messages": [5]}""", "messages[0]", "an object")]
    [InlineData("""{"messages": [{"role": 7}]}""", "messages[0].role", "a text")]
    [InlineData("""{"messages": [{"role": "king", "content": "Hi."}]}""", "messages[0].role", "must be")]
    [InlineData("""{"messages": [{"role": "user"}]}""", "messages[0].content", "missing")]
    [InlineData("""{"messages": [{"role": "user", "content": 5}]}""", "messages[0].content", "a text")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}""",
        "messages[0].content", "a text")]
    [InlineData("""{"messages": [{"role": "user", "content": "\ud800"}]}""", "messages[0].content", "a text")]
    [InlineData("""{"messages": [USER], "temperature": "hot"}""", "temperature", "a number")]
    [InlineData("""{"messages": [USER], "temperature": -1}""", "temperature", "from 0")]
    [InlineData("""{"messages": [USER], "temperature": 1e99}""", "temperature", "temperature")]
    [InlineData("""{"messages": [USER], "top_p": 0}""", "top_p", "above 0")]
    [InlineData("""{"messages": [USER], "max_tokens": 1.5}""", "max_tokens", "a whole number")]
    [InlineData("""{"messages": [USER], "max_tokens": 0}""", "max_tokens", "at least 1")]
    [InlineData("""{"messages": [USER], "max_completion_tokens": -3}""", "max_completion_tokens", "at least 1")]
    [InlineData("""{"messages": [USER], "stream": "yes"}""", "stream", "true or false")]
    [InlineData("""{"messages": [USER], "stream_options": {"include_usage": 1}}""", "stream_options.include_usage", "true or false")]
    [InlineData("""{"messages": [USER], "stop": [1]}""", "stop", "an array of texts")]
    [InlineData("""{"messages": [USER], "stop": [""]}""", "stop", "empty")]
    [InlineData("""{"messages": [USER], "seed": "x"}""", "seed", "a whole number")]
    [InlineData("""{"messages": [USER], "n": 2}""", "n", "one answer")]
    [InlineData("""{"messages": [USER], "logit_bias": {"5": 1}}""", "logit_bias", "not supported")]
    [InlineData("""{"messages": [USER], "presence_penalty": 1}""", "presence_penalty", "not supported")]
    [InlineData("""{"messages": [USER], "top_logprobs": 3}""", "top_logprobs", "logprobs")]
    [InlineData("""{"messages": [USER], "logprobs": true, "top_logprobs": 99}""", "top_logprobs", "from 0")]
    public async Task A_chat_that_makes_no_sense_is_refused(string body, string? param, string part)
    {
        (await _server.PostAsync("/v1/chat/completions", body.Replace("USER", User, StringComparison.Ordinal)))
            .ExpectError(HttpStatusCode.BadRequest, param, part);
        await _server.ExpectAliveAsync();
    }

    [Theory]
    [InlineData("{}", "prompt", "missing")]
    [InlineData("""{"prompt": ""}""", "prompt", "empty")]
    [InlineData("""{"prompt": []}""", "prompt", "empty")]
    [InlineData("""{"prompt": ["a", "b"]}""", "prompt", "several")]
    [InlineData("""{"prompt": [1, "b"]}""", "prompt", "several")]
    [InlineData("""{"prompt": [257]}""", "prompt", "256")]
    [InlineData("""{"prompt": [-1]}""", "prompt", "256")]
    [InlineData("""{"prompt": "a", "echo": true}""", "echo", "not supported")]
    [InlineData("""{"prompt": "a", "best_of": 3}""", "best_of", "not supported")]
    [InlineData("""{"prompt": "a", "logprobs": -1}""", "logprobs", "from 0")]
    public async Task A_completion_that_makes_no_sense_is_refused(string body, string param, string part)
    {
        (await _server.PostAsync("/v1/completions", body)).ExpectError(HttpStatusCode.BadRequest, param, part);
        await _server.ExpectAliveAsync();
    }

    [Fact]
    public async Task Nesting_without_end_is_refused()
    {
        string deep = $$"""{"user": {{new string('[', 100_000)}}""";
        (await _server.PostAsync("/v1/chat/completions", deep)).ExpectError(HttpStatusCode.BadRequest, null, "not valid JSON");
        await _server.ExpectAliveAsync();
    }

    [Fact]
    public async Task Another_type_of_body_is_refused()
    {
        (await _server.PostAsync("/v1/completions", """{"prompt": "a"}""", "text/plain")).ExpectError(HttpStatusCode.UnsupportedMediaType,
            null, "application/json");
        await _server.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_prompt_that_does_not_fit_is_refused_with_both_numbers()
    {
        (await _server.PostAsync("/v1/completions", $$"""{"prompt": "{{new string('a', 5000)}}"}"""))
            .ExpectError(HttpStatusCode.BadRequest, "prompt", "5000 tokens", "4096");
        await _server.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_prompt_of_ten_megabytes_is_refused_unread_or_as_too_long()
    {
        string body = $$"""{"prompt": "{{new string('a', 10 << 20)}}"}""";
        (await _server.PostAsync("/v1/completions", body)).ExpectError(HttpStatusCode.RequestEntityTooLarge, null, "shorter");
        await _server.ExpectAliveAsync();
        await using RunningServer wide = await tiny.StartAsync(options => options.MaxBodyBytes = 20 << 20);
        (await wide.PostAsync("/v1/completions", body)).ExpectError(HttpStatusCode.BadRequest, "prompt", "4096");
        await wide.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_body_that_does_not_come_is_not_waited_for()
    {
        await using RunningServer server = await tiny.StartAsync(options => options.BodyTimeout = TimeSpan.FromMilliseconds(200));
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, server.Url.Port, TestContext.Current.CancellationToken);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{{"), TestContext.Current.CancellationToken);
        using StreamReader reader = new(stream);
        Assert.Contains("408", await reader.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await server.ExpectAliveAsync();
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("nonsense\r\n\r\n")]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n")]
    public async Task What_is_not_http_is_refused(string request)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, _server.Url.Port, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
        using StreamReader reader = new(client.GetStream());
        Assert.Contains("400", await reader.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await _server.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_name_that_is_not_this_machine_s_is_refused()
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/v1/models");
        request.Headers.Host = "elsewhere.example";
        using HttpResponseMessage response = await _server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }
}
