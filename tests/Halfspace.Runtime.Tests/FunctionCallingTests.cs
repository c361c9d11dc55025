using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Halfspace.Runtime.Tests.Decoder;
using Halfspace.Tests;
using Microsoft.Extensions.AI;

namespace Halfspace.Runtime.Tests;

/// <summary>The chat client with functions and JSON, under Microsoft.Extensions.AI's own function caller.</summary>
public sealed class FunctionCallingTests : IDisposable
{
    private const string Template =
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}";

    private readonly TinyModelFile _file = new(new TinyModel { Context = 8192, ChatTemplate = Template });
    private readonly HalfspaceModel _model;

    public FunctionCallingTests() => _model = _file.Load();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_required_function_is_called_and_its_result_given_back()
    {
        List<string> asked = [];
        AIFunction weather = AIFunctionFactory.Create(
            ([Description("The day.")] DayOfWeek day) =>
            {
                asked.Add($"{day}");
                return "rain";
            },
            "get_weather");
        using HalfspaceChatClient client = new(_model);
        using FunctionInvokingChatClient caller = new(client);
        ChatOptions options = new()
        {
            Tools = [weather],
            ToolMode = ChatToolMode.RequireSpecific("get_weather"),
            AllowMultipleToolCalls = false,
            MaxOutputTokens = 150,
        };
        ChatResponse response = await caller.GetResponseAsync([new(ChatRole.User, "Does it rain?")], options, Cancellation);
        string day = Assert.Single(asked);
        Assert.True(Enum.TryParse(day, out DayOfWeek _));
        FunctionCallContent call = Assert.Single(response.Messages.SelectMany(m => m.Contents).OfType<FunctionCallContent>());
        FunctionResultContent result = Assert.Single(response.Messages.SelectMany(m => m.Contents).OfType<FunctionResultContent>());
        Assert.Equal(call.CallId, result.CallId);
        Assert.Equal("rain", $"{result.Result}");
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
    }

    [Fact]
    public async Task A_call_streams_as_a_call_and_not_as_text()
    {
        AIFunctionDeclaration function = AIFunctionFactory.CreateDeclaration("f", "Does it.", JsonDocument.Parse("""{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}""").RootElement);
        using HalfspaceChatClient client = new(_model);
        ChatOptions options = new() { Tools = [function], ToolMode = ChatToolMode.RequireAny, AllowMultipleToolCalls = false };
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync([new(ChatRole.User, "Go.")], options, Cancellation)) updates.Add(update);
        Assert.Equal("", string.Concat(updates.Select(u => u.Text)));
        Assert.Equal(ChatFinishReason.ToolCalls, updates[^1].FinishReason);
        FunctionCallContent call = Assert.Single(updates.SelectMany(u => u.Contents).OfType<FunctionCallContent>());
        Assert.Equal("f", call.Name);
        Assert.Equal(JsonValueKind.Number, Assert.IsType<JsonElement>(call.Arguments!["n"]).ValueKind);
    }

    [Fact]
    public async Task A_response_format_is_kept()
    {
        using HalfspaceChatClient client = new(_model);
        JsonElement schema = JsonDocument.Parse("""{"type":"object","properties":{"a":{"type":"array","items":{"enum":["x","y"]},"maxItems":2},"b":{"type":"boolean"}},"required":["a","b"],"additionalProperties":false}""").RootElement;
        ChatResponse response = await client.GetResponseAsync(
            [new(ChatRole.User, "Go.")], new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(schema) }, Cancellation);
        JsonElement answer = JsonDocument.Parse(response.Text).RootElement;
        Assert.Equal(2, answer.EnumerateObject().Count());
        Assert.InRange(answer.GetProperty("a").GetArrayLength(), 0, 2);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public async Task A_type_s_schema_gives_a_value_of_the_type()
    {
        using HalfspaceChatClient client = new(_model);
        ChatResponse<Trip> response = await client.GetResponseAsync<Trip>([new(ChatRole.User, "Plan.")], new ChatOptions { Temperature = 1, Seed = 2 }, cancellationToken: Cancellation);
        Trip trip = response.Result;
        Assert.NotEqual(default, trip.Start);
        Assert.True(Enum.IsDefined(trip.Day));
        Assert.InRange(trip.Stops.Length, 1, 2);
    }

    [Fact]
    public async Task What_is_neither_text_nor_a_function_is_refused()
    {
        using HalfspaceChatClient client = new(_model);
        await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync(
            [new(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")])], null, Cancellation));
        await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync(
            [new(ChatRole.User, "Go.")], new ChatOptions { Tools = [new HostedWebSearchTool()] }, Cancellation));
    }

    private sealed record Trip(DateTimeOffset Start, DayOfWeek Day, Guid Id, [property: MinLength(1), MaxLength(2)] Stop[] Stops, decimal? Price, bool IsPaid);

    private sealed record Stop(DateOnly Date, long Guests);

    public void Dispose()
    {
        _model.Dispose();
        _file.Dispose();
    }
}
