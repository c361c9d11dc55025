using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAI.Chat;
using ChatFinishReason = OpenAI.Chat.ChatFinishReason;
using ChatMessage = OpenAI.Chat.ChatMessage;

namespace Halfspace.Server.Tests;

/// <summary>Functions and forced JSON, with the clients that programs use.</summary>
public sealed class ToolTests(EmbeddedServer embedded) : IClassFixture<EmbeddedServer>
{
    private const string Schema = """{"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"], "additionalProperties": false}""";
    private static readonly ChatTool _weather = ChatTool.CreateFunctionTool("get_weather", "The weather in a city.",
        BinaryData.FromString(Schema));
    private readonly ChatClient _chat = embedded.Server.Client().GetChatClient(EmbeddedServer.Name);

    [Fact]
    public async Task A_required_call_is_made_and_its_result_taken()
    {
        List<ChatMessage> messages = [new UserChatMessage("What is the weather in Paris?")];
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 80, ToolChoice = ChatToolChoice.CreateRequiredChoice() };
        options.Tools.Add(_weather);
        ChatCompletion answer = await _chat.CompleteChatAsync(messages, options, TestContext.Current.CancellationToken);
        Assert.Equal(ChatFinishReason.ToolCalls, answer.FinishReason);
        ChatToolCall call = answer.ToolCalls[0];
        Assert.Equal("get_weather", call.FunctionName);
        Assert.Equal(JsonValueKind.String, JsonDocument.Parse(call.FunctionArguments).RootElement.GetProperty("city").ValueKind);

        messages.Add(new AssistantChatMessage(answer));
        messages.Add(new ToolChatMessage(call.Id, "Sunny, 21 degrees."));
        ChatCompletion last = await _chat.CompleteChatAsync(messages, new ChatCompletionOptions { MaxOutputTokenCount = 30 },
            TestContext.Current.CancellationToken);
        Assert.NotEqual("", last.Content[0].Text);
    }

    [Fact]
    public async Task A_streamed_call_is_the_call()
    {
        ChatCompletionOptions options = new()
        {
            MaxOutputTokenCount = 80,
            ToolChoice = ChatToolChoice.CreateFunctionChoice("get_weather"),
            AllowParallelToolCalls = false,
        };
        options.Tools.Add(_weather);
        ChatMessage[] messages = [new UserChatMessage("What is the weather in Paris?")];
        ChatCompletion whole = await _chat.CompleteChatAsync(messages, options, TestContext.Current.CancellationToken);
        StringBuilder arguments = new();
        ChatFinishReason? finish = null;
        string? name = null;
        await foreach (StreamingChatCompletionUpdate update in _chat.CompleteChatStreamingAsync(messages, options,
            TestContext.Current.CancellationToken))
        {
            foreach (StreamingChatToolCallUpdate call in update.ToolCallUpdates)
            {
                name = call.FunctionName ?? name;
                arguments.Append(call.FunctionArgumentsUpdate);
            }

            finish = update.FinishReason ?? finish;
        }

        Assert.Equal(ChatFinishReason.ToolCalls, finish);
        Assert.Equal("get_weather", name);
        Assert.Equal(Assert.Single(whole.ToolCalls).FunctionArguments.ToString(), arguments.ToString());
    }

    [Fact]
    public async Task A_schema_forces_the_answer_into_its_form()
    {
        const string Form = """
            {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "born": {"type": "integer", "minimum": 1000, "maximum": 2000},
            "works": {"type": "array", "maxItems": 2, "items": {"type": "object", "properties": {"title": {"type": "string", "maxLength": 20}},
            "required": ["title"], "additionalProperties": false}}}, "required": ["name", "born", "works"], "additionalProperties": false}
            """;
        ChatCompletionOptions options = new()
        {
            MaxOutputTokenCount = 200,
            ResponseFormat = OpenAI.Chat.ChatResponseFormat.CreateJsonSchemaFormat("person", BinaryData.FromString(Form), null, true),
        };
        ChatCompletion answer = await _chat.CompleteChatAsync([new UserChatMessage("Describe Jane Austen.")], options,
            TestContext.Current.CancellationToken);
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
        JsonElement person = JsonDocument.Parse(answer.Content[0].Text).RootElement;
        Assert.InRange(person.GetProperty("born").GetInt32(), 1000, 2000);
        foreach (JsonElement work in person.GetProperty("works").EnumerateArray())
            Assert.Equal(JsonValueKind.String, work.GetProperty("title").ValueKind);
    }

    [Fact]
    public async Task Microsoft_s_adapter_calls_a_function()
    {
        using IChatClient client = _chat.AsIChatClient();
        AIFunction function = AIFunctionFactory.Create((string city) => "Sunny in " + city, "get_weather", "The weather in a city.");
        ChatOptions options = new()
        {
            MaxOutputTokens = 120,
            Tools = [function],
            ToolMode = ChatToolMode.RequireSpecific("get_weather"),
            AllowMultipleToolCalls = false,
        };
        ChatResponse response =
            await client.GetResponseAsync("What is the weather in Paris?", options, TestContext.Current.CancellationToken);
        FunctionCallContent call = Assert.Single(response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>());
        Assert.Equal("get_weather", call.Name);
        Assert.True(call.Arguments!.ContainsKey("city"));
    }

    [Theory]
    [InlineData("""{"tools": [{"type": "other"}]}""", "tools[0]")]
    [InlineData("""{"tools": [{"type": "function", "function": {"name": "a b"}}]}""", "tools")]
    [InlineData("""{"tools": 5}""", "tools")]
    [InlineData("""{"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "sometimes"}""", "tool_choice")]
    [InlineData("""{"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": {"type": "function", "function": {"name": "g"}}}""", "tools")]
    [InlineData("""{"response_format": {"type": "xml"}}""", "response_format.type")]
    [InlineData("""{"response_format": {"type": "json_schema"}}""", "response_format.json_schema.schema")]
    [InlineData("""{"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nothing"}}}}""",
        "response_format.json_schema.schema")]
    public async Task What_cannot_be_offered_is_refused(string fields, string param)
    {
        string body = """{"messages": [{"role": "user", "content": "Hi."}], """ + fields[1..];
        (await embedded.Server.PostAsync("/v1/chat/completions", body)).ExpectError(HttpStatusCode.BadRequest, param);
    }
}
