using System.ClientModel;
using System.Net;
using System.Text;
using System.Text.Json;
using OpenAI;

namespace Halfspace.Server.Tests;

/// <summary>A server on a free port of this machine.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly HalfspaceServer _server;

    private RunningServer(HalfspaceServer server)
    {
        _server = server;
        Url = new Uri(server.Urls.Single());
        Http = new HttpClient { BaseAddress = Url, Timeout = TimeSpan.FromMinutes(1) };
    }

    public Uri Url { get; }

    public HttpClient Http { get; }

    public static async Task<RunningServer> StartAsync(Action<HalfspaceServerOptions> configure)
    {
        HalfspaceServer server = HalfspaceServer.Create(configure, ["http://localhost:0"]);
        await server.StartAsync(TestContext.Current.CancellationToken);
        RunningServer running = new(server);
        while (!(await running.Http.GetAsync("/ready", TestContext.Current.CancellationToken)).IsSuccessStatusCode)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        return running;
    }

    /// <summary>OpenAI's own client.</summary>
    public OpenAIClient Client(string key = "none") => new(new ApiKeyCredential(key), new OpenAIClientOptions
    {
        Endpoint = new Uri(Url, "v1"),
        RetryPolicy = new System.ClientModel.Primitives.ClientRetryPolicy(0),
    });

    /// <summary>Posts a text as JSON and takes status and answer.</summary>
    public async Task<Reply> PostAsync(string path, string body, string contentType = "application/json")
    {
        using StringContent content = new(body, Encoding.UTF8, contentType);
        using HttpResponseMessage response = await Http.PostAsync(path, content, TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    public async Task<Reply> GetAsync(string path)
    {
        using HttpResponseMessage response = await Http.GetAsync(path, TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    /// <summary>Whether it still answers.</summary>
    public async Task ExpectAliveAsync()
    {
        Reply reply = await PostAsync("/v1/completions", """{"prompt": "abc", "max_tokens": 2}""");
        Assert.Equal(HttpStatusCode.OK, reply.Status);
    }

    /// <summary>Stops as Ctrl-C does, and waits.</summary>
    public Task StopAsync() => _server.WaitAsync(new CancellationToken(canceled: true));

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _server.DisposeAsync();
    }
}

/// <summary>A status, and JSON.</summary>
internal sealed record Reply(HttpStatusCode Status, string Text, TimeSpan? RetryAfter)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public static async Task<Reply> OfAsync(HttpResponseMessage response) => new(
        response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            response.Headers.RetryAfter?.Delta);

    /// <summary>An error in OpenAI's form, whose sentence says nothing of the machine.</summary>
    public void ExpectError(HttpStatusCode status, string? param, params string[] parts)
    {
        Assert.True(Status == status, $"{Status}: {Text}");
        JsonElement error = Json.GetProperty("error");
        string message = error.GetProperty("message").GetString()!;
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", message, StringComparison.Ordinal);
        Assert.DoesNotContain(AppContext.BaseDirectory, message, StringComparison.Ordinal);
        Assert.Equal(param, error.GetProperty("param").GetString());
        foreach (string part in parts) Assert.Contains(part, message, StringComparison.Ordinal);
    }
}
