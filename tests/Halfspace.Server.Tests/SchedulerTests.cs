using System.Net;
using System.Text;
using System.Text.Json;
using Halfspace.Tests;

namespace Halfspace.Server.Tests;

/// <summary>Many requests at once, and requests whose client goes.</summary>
public sealed class SchedulerTests(TinyServer tiny) : IClassFixture<TinyServer>
{
    [Fact]
    public async Task Of_sixteen_streams_none_is_lost_and_each_is_what_it_would_be_alone()
    {
        await using RunningServer server = await tiny.StartAsync(options =>
        {
            options.Slots = 6;
            options.ChunkTokens = 16;
        });
        string[] prompts = [.. Enumerable.Range(0, 16).Select(i =>
            string.Concat(Enumerable.Range(0, 5 + 9 * i).Select(j => $"{(char)('a' + i)}{j} ")))];
        List<string> alone = [];
        foreach (string prompt in prompts) alone.Add(await CompleteAsync(server, prompt));
        string[] together = await Task.WhenAll(prompts.Select(prompt => CompleteAsync(server, prompt)));
        Assert.Equal(alone, together);
    }

    [Fact]
    public async Task More_than_the_queue_holds_is_refused_with_a_time_to_come_back()
    {
        await using RunningServer server = await tiny.StartAsync(options =>
        {
            options.Slots = 1;
            options.Queue = 1;
        });
        using Streaming first = await Streaming.StartAsync(server), second = await Streaming.StartAsync(server, wait: false);
        Reply reply = await server.PostAsync("/v1/completions", """{"prompt": "abc", "max_tokens": 1}""");
        reply.ExpectError(HttpStatusCode.TooManyRequests, null, "waiting");
        Assert.InRange(reply.RetryAfter!.Value.TotalSeconds, 1, 60);
        first.Dispose();
        second.Dispose();
        await ExpectFreeAsync(server);
    }

    [Fact]
    public async Task A_client_that_goes_frees_its_slot()
    {
        await using RunningServer server = await tiny.StartAsync(options =>
        {
            options.Slots = 1;
            options.Queue = 0;
        });
        for (int i = 0; i < 5; i++)
        {
            using (Streaming stream = await Streaming.StartAsync(server)) Assert.NotNull(
                await stream.Reader.ReadLineAsync(TestContext.Current.CancellationToken));
            await ExpectFreeAsync(server);
        }
    }

    [Fact]
    public async Task A_long_prompt_does_not_hold_up_answers()
    {
        await using RunningServer server = await tiny.StartAsync(options =>
        {
            options.Slots = 2;
            options.ChunkTokens = 8;
        });
        using Streaming stream = await Streaming.StartAsync(server);
        Task<Reply> reading = server.PostAsync("/v1/completions", $$"""{"prompt": "{{new string('a', 3000)}}", "max_tokens": 1}""");
        // The prompt takes 375 chunks, with a token of the answer, two lines, between any two of them.
        for (int line = 0; line < 60; line++) Assert.NotNull(await stream.Reader.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.False(reading.IsCompleted);
        Assert.Equal(HttpStatusCode.OK, (await reading).Status);
    }

    [Fact]
    public async Task A_server_that_stops_finishes_what_it_has_begun()
    {
        RunningServer server = await tiny.StartAsync();
        using (Streaming answer = await Streaming.StartAsync(server, """{"prompt": "abc", "max_tokens": 300, "stream": true}"""))
        {
            // Its first line has come.
            Task<string> rest = answer.Reader.ReadToEndAsync(TestContext.Current.CancellationToken);
            await server.StopAsync();
            Assert.EndsWith("data: [DONE]\n\n", await rest, StringComparison.Ordinal);
        }

        await server.DisposeAsync();
    }

    [Fact]
    public async Task An_answer_that_fails_costs_no_other()
    {
        // A token whose embedding is not a number makes every logit so.
        const int Damaged = 7;
        ServedModelOptions broken = tiny.Served("broken", new TinyModel { Context = 512, TiedOutput = false, DamagedToken = Damaged });
        await using RunningServer server = await tiny.StartAsync(options => options.Models.Insert(0, broken));
        const string Sound = """{"prompt": [1, 2, 3], "max_tokens": 40}""", Failing = """{"prompt": [1, 7, 3], "max_tokens": 40}""";
        string expected = Text(await server.PostAsync("/v1/completions", Sound));
        Task<Reply>[] sound = [.. Enumerable.Range(0, 4).Select(_ => server.PostAsync("/v1/completions", Sound))];
        Reply[] failing = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => server.PostAsync("/v1/completions", Failing)));
        foreach (Reply reply in failing) reply.ExpectError(HttpStatusCode.InternalServerError, null, "log");
        foreach (Reply reply in await Task.WhenAll(sound)) Assert.Equal(expected, Text(reply));
        await server.ExpectAliveAsync();
    }

    private static string Text(Reply reply) => reply.Json.GetProperty("choices")[0].GetProperty("text").GetString()!;

    private static async Task<string> CompleteAsync(RunningServer server, string prompt)
    {
        Reply reply = await server.PostAsync("/v1/completions",
            $$"""{"prompt": {{JsonSerializer.Serialize(prompt)}}, "max_tokens": 30, "stream": true}""");
        string[] events = reply.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", events[^1]);
        return string.Concat(events[..^1].Select(line =>
            JsonDocument.Parse(line["data: ".Length..]).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()));
    }

    /// <summary>The only slot is free again: an answer gets through before the test's limit.</summary>
    private static async Task ExpectFreeAsync(RunningServer server)
    {
        for (; ; )
        {
            Reply reply = await server.PostAsync("/v1/completions", """{"prompt": "abc", "max_tokens": 1}""");
            if (reply.Status == HttpStatusCode.OK) return;
            Assert.Equal(HttpStatusCode.TooManyRequests, reply.Status);
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>An answer on its way, of thousands of tokens unless another one is asked for.</summary>
    private sealed class Streaming(Task<HttpResponseMessage> response, CancellationTokenSource end) : IDisposable
    {
        private bool _disposed;

        public StreamReader Reader { get; private set; } = null!;

        public static async Task<Streaming> StartAsync(
            RunningServer server, string body = """{"prompt": "abc", "stream": true}""", bool wait = true)
        {
            HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions")
            {
                Content = new StringContent(body, Encoding.UTF8, "application/json"),
            };
            CancellationTokenSource end = new();
            Task<HttpResponseMessage> sending = server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, end.Token);
            Streaming streaming = new(sending, end);
            streaming.Reader = new StreamReader(await (await sending).Content.ReadAsStreamAsync(end.Token));
            if (wait) await streaming.Reader.ReadLineAsync(end.Token);
            return streaming;
        }

        public void Dispose()
        {
            if (_disposed) return;
            _disposed = true;
            end.Cancel();
            end.Dispose();
            if (response.IsCompletedSuccessfully) response.Result.Dispose();
        }
    }
}
