using System.Net;
using System.Text.Json;
using Halfspace.Runtime.Saved;

namespace Halfspace.Server.Tests;

/// <summary>Saved contexts over HTTP.</summary>
public sealed class ContextTests(TinyServer tiny) : IClassFixture<TinyServer>, IAsyncLifetime
{
    private const string Route = "/v1/halfspace/contexts";
    private static readonly string _text = string.Concat(Enumerable.Range(0, 50).Select(i => $"Line {i}. "));
    private readonly string _folder = Directory.CreateTempSubdirectory("halfspace-contexts-").FullName;
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await tiny.StartAsync(options =>
    {
        options.ContextFolder = _folder;
        options.ChunkTokens = 64;
        options.Slots = 2;
    });

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, true);
    }

    [Fact]
    public async Task A_context_is_made_listed_asked_and_deleted()
    {
        Reply made = await CreateAsync("book");
        Assert.Equal(HttpStatusCode.Created, made.Status);
        int tokens = made.Json.GetProperty("tokens").GetInt32();
        Assert.InRange(tokens, _text.Length, _text.Length + 20);
        Assert.Equal("book", Assert.Single((await _server.GetAsync(Route)).Json.GetProperty("data").EnumerateArray())
            .GetProperty("name").GetString());
        Assert.Equal(tokens, (await _server.GetAsync(Route + "/book")).Json.GetProperty("tokens").GetInt32());

        // Another server has read nothing of it: what it knows comes from the file.
        await using RunningServer other = await tiny.StartAsync(options => options.ContextFolder = _folder);
        string question = """{"messages": [{"role": "user", "content": "Which?"}], "max_tokens": 12, "halfspace": {"context": "book"}}""";
        Reply answer = await other.PostAsync("/v1/chat/completions", question);
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(tokens, answer.Json.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32());
        JsonElement report = answer.Json.GetProperty("halfspace");
        Assert.Equal("book", report.GetProperty("context").GetString());
        Assert.True(report.GetProperty("keys").GetDouble() > tokens / 2.0);
        Reply whole = await other.PostAsync("/v1/chat/completions", JsonSerializer.Serialize(new
        {
            messages = new[] { new { role = "user", content = ContextDocument.Message([_text], "Which?") } },
            max_tokens = 12,
        }));
        Assert.Equal(Text(whole), Text(answer));

        Assert.Equal(HttpStatusCode.OK, (await DeleteAsync("book")).Status);
        (await DeleteAsync("book")).ExpectError(HttpStatusCode.NotFound, "name", "no saved context");
        (await other.PostAsync("/v1/chat/completions", question)).ExpectError(HttpStatusCode.NotFound, "halfspace.context",
            "no saved context");
        await other.ExpectAliveAsync();
    }

    [Fact]
    public async Task Its_making_is_told_as_it_goes()
    {
        Reply reply = await CreateAsync("told", stream: true);
        string[] events = reply.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", events[^1]);
        JsonElement[] steps = [.. events[..^1].Select(line => JsonDocument.Parse(line["data: ".Length..]).RootElement)];
        int[] read = [.. steps[..^1].Select(step => step.GetProperty("read").GetInt32())];
        Assert.Equal(read.Order(), read);
        Assert.Equal(steps[0].GetProperty("of").GetInt32(), read[^1]);
        Assert.Equal("told", steps[^1].GetProperty("name").GetString());
        Assert.True(File.Exists(Path.Combine(_folder, "told.context")));
    }

    [Theory]
    [InlineData("../book")]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("/etc/passwd")]
    [InlineData("")]
    [InlineData("a\u0000b")]
    [InlineData("ä")]
    public async Task A_name_that_leaves_the_folder_is_none(string name)
    {
        string json = JsonSerializer.Serialize(name);
        (await _server.PostAsync(Route, $$"""{"name": {{json}}, "text": "abc"}""")).ExpectError(HttpStatusCode.BadRequest, "name", "name");
        (await _server.PostAsync("/v1/chat/completions",
            $$$"""{"messages": [{"role": "user", "content": "x"}], "halfspace": {"context": {{{json}}}}}"""))
            .ExpectError(HttpStatusCode.BadRequest, "halfspace.context", "name");
        Reply shown = await _server.GetAsync(Route + "/" + Uri.EscapeDataString(name));
        Assert.True(name.Length == 0 || name == ".." || shown.Status is HttpStatusCode.BadRequest or HttpStatusCode.NotFound, shown.Text);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
        await _server.ExpectAliveAsync();
    }

    [Fact]
    public async Task What_makes_no_sense_is_refused()
    {
        await CreateAsync("taken");
        (await CreateAsync("taken")).ExpectError(HttpStatusCode.Conflict, "name", "already");
        (await _server.PostAsync(Route, """{"name": "x"}""")).ExpectError(HttpStatusCode.BadRequest, "text", "missing");
        (await _server.PostAsync(Route, $$"""{"name": "x", "text": "{{new string('a', 5000)}}"}""")).ExpectError(HttpStatusCode.BadRequest,
            "text", "4096");
        (await AskAsync("""{"role": "system", "content": "x"}""")).ExpectError(HttpStatusCode.BadRequest, "messages", "system");
        (await AskAsync("""{"role": "assistant", "content": "x"}""")).ExpectError(HttpStatusCode.BadRequest, "messages", "user");
        (await _server.PostAsync("/v1/completions", """{"prompt": "x", "halfspace": {"context": "taken"}}"""))
            .ExpectError(HttpStatusCode.BadRequest, "halfspace.context", "/v1/chat");
        await using RunningServer without = await tiny.StartAsync();
        (await without.GetAsync(Route)).ExpectError(HttpStatusCode.BadRequest, "halfspace.context", "no saved contexts");
    }

    [Fact]
    public async Task A_damaged_context_is_told_and_costs_nothing_else()
    {
        await CreateAsync("damaged");
        string path = Path.Combine(_folder, "damaged.context");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^100] ^= 1;
        File.WriteAllBytes(path, bytes);
        await using RunningServer other = await tiny.StartAsync(options => options.ContextFolder = _folder);
        string question = """{"messages": [{"role": "user", "content": "Which?"}], "max_tokens": 3, "halfspace": {"context": "damaged"}}""";
        for (int i = 0; i < 3; i++) (await other.PostAsync("/v1/chat/completions", question)).ExpectError(HttpStatusCode.Conflict,
            "halfspace.context", "damaged");
        await other.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_request_says_how_to_attend()
    {
        Reply dense = await HalfspaceAsync("""{"attention": "dense"}"""),
            few = await HalfspaceAsync("""{"attention": "sparse", "keys": 64}""");
        double all = Keys(dense), some = Keys(few);
        Assert.True(all > 2500, $"dense: {all}");
        Assert.True(some < 400, $"sparse: {some}");
        Assert.True(few.Json.GetProperty("halfspace").GetProperty("certificate").GetDouble() > 0);
        (await HalfspaceAsync("""{"attention": "none"}""")).ExpectError(HttpStatusCode.BadRequest, "halfspace.attention",
            "dense or sparse");
        (await HalfspaceAsync("""{"keys": 0}""")).ExpectError(HttpStatusCode.BadRequest, "halfspace.keys", "at least 1");
        (await HalfspaceAsync("""{"attention": "dense", "keys": 5}""")).ExpectError(HttpStatusCode.BadRequest, "halfspace.keys",
            "every key");
    }

    private Task<Reply> HalfspaceAsync(string fields) =>
        _server.PostAsync("/v1/completions", $$"""{"prompt": "{{string.Concat(Enumerable.Repeat(_text, 7))[..2900]}}", "max_tokens": 4, "halfspace": {{fields}}}""");

    private static double Keys(Reply reply) => reply.Json.GetProperty("halfspace").GetProperty("keys").GetDouble();

    private Task<Reply> AskAsync(string message) =>
        _server.PostAsync("/v1/chat/completions", $$$"""{"messages": [{{{message}}}], "halfspace": {"context": "taken"}}""");

    private Task<Reply> CreateAsync(string name, bool stream = false) =>
        _server.PostAsync(Route, JsonSerializer.Serialize(new { name, text = _text, stream }));

    private async Task<Reply> DeleteAsync(string name)
    {
        using HttpResponseMessage response = await _server.Http.DeleteAsync($"{Route}/{name}", TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    private static string? Text(Reply reply) => reply.Json.GetProperty("choices")[0].GetProperty("message")
        .GetProperty("content").GetString();
}
