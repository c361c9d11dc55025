using System.Text.Json;
using Halfspace.Runtime.Chat;
using Microsoft.Extensions.AI;

namespace Halfspace.Runtime.Tests.Golden;

[Collection(nameof(EmbeddedModelFixture))]
public sealed class ChatClientTests(EmbeddedModelFixture fixture)
{
    // A question whose answer has wide margins: a request that keeps the context of the one before rounds differently.
    private static readonly ChatMessage[] _conversation =
        [new(ChatRole.System, "Be brief."), new(ChatRole.User, "What is the capital of France?")];

    [Fact]
    public async Task A_response_has_text_usage_and_a_reason()
    {
        using HalfspaceChatClient client = new(fixture.Model);
        ChatResponse response = await client.GetResponseAsync(
            _conversation, new ChatOptions { MaxOutputTokens = 3 }, TestContext.Current.CancellationToken);
        Assert.NotEqual("", response.Text.Trim());
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        int tokens = fixture.Model.EncodeChat([.. _conversation.Select(m => new ChatTurn(m.Role.Value, m.Text))]).Length;
        Assert.Equal(tokens, response.Usage!.InputTokenCount);
        Assert.Equal(3, response.Usage.OutputTokenCount);
        Assert.Equal(tokens + 3, response.Usage.TotalTokenCount);
    }

    [Fact]
    public async Task Streaming_gives_the_same_text_piece_by_piece_and_a_second_request_is_not_disturbed()
    {
        using HalfspaceChatClient client = new(fixture.Model);
        ChatOptions options = new() { MaxOutputTokens = 7 };
        string whole = (await client.GetResponseAsync(_conversation, options, TestContext.Current.CancellationToken)).Text;
        List<string> pieces = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(_conversation, options, TestContext.Current.CancellationToken))
            if (update.Text.Length > 0) pieces.Add(update.Text);
        Assert.True(pieces.Count > 1);
        Assert.Equal(whole, string.Concat(pieces));
    }

    [Fact]
    public async Task Instructions_are_a_system_message_and_a_stop_text_ends_the_answer()
    {
        using HalfspaceChatClient client = new(fixture.Model);
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        ChatResponse plain = await client.GetResponseAsync(_conversation, new ChatOptions { MaxOutputTokens = 7 }, cancellation);
        string stop = plain.Text[(plain.Text.Length / 2)..];
        ChatResponse stopped = await client.GetResponseAsync(
            _conversation[1..], new ChatOptions { Instructions = "Be brief.", MaxOutputTokens = 7, StopSequences = [stop] }, cancellation);
        Assert.Equal(plain.Text[..(plain.Text.Length / 2)], stopped.Text);
        Assert.Equal(ChatFinishReason.Stop, stopped.FinishReason);
    }

    [Fact]
    public async Task The_model_calls_a_function_that_it_must_call()
    {
        using HalfspaceChatClient client = new(fixture.Model);
        JsonElement schema = JsonDocument.Parse("""{"type":"object","properties":{"city":{"type":"string","maxLength":20}},"required":["city"],"additionalProperties":false}""").RootElement;
        ChatOptions options = new()
        {
            Tools = [AIFunctionFactory.CreateDeclaration("get_weather", "Gets the weather of a city.", schema)],
            ToolMode = ChatToolMode.RequireAny,
            AllowMultipleToolCalls = false,
            MaxOutputTokens = 60,
        };
        ChatResponse response = await client.GetResponseAsync(
            [new(ChatRole.User, "What is the weather in Paris?")], options, TestContext.Current.CancellationToken);
        FunctionCallContent call = Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>());
        Assert.Equal("get_weather", call.Name);
        Assert.Equal("Paris", $"{call.Arguments!["city"]}");
    }

    [Fact]
    public async Task What_the_model_cannot_do_is_refused()
    {
        using HalfspaceChatClient client = new(fixture.Model);
        ChatMessage picture = new(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")]);
        await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync([picture], null, TestContext.Current.CancellationToken));
        Assert.Same(fixture.Model, client.GetService(typeof(HalfspaceModel)));
        Assert.Equal("halfspace", ((ChatClientMetadata)client.GetService(typeof(ChatClientMetadata))!).ProviderName);
    }
}
