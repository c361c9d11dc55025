using System.Text.Json;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Tests.Decoder;
using Halfspace.Runtime.Tests.Generation.Grammars;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Chat;

/// <summary>Tools in prompts, in grammars and in answers.</summary>
public sealed class ToolTests
{
    private const string ChatMl =
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}";

    private static readonly ToolDefinition _weather = new("get_weather", "The weather of a place.", Json(
        """{"type":"object","properties":{"place":{"type":"string","minLength":1,"maxLength":6},"days":{"type":"integer","minimum":1,"maximum":7}},"required":["place"],"additionalProperties":false}"""));

    private static readonly ToolDefinition _time = new("now", null, default);

    private static readonly ChatTurn[] _conversation =
    [
        new("system", "Be brief."),
        new("user", "Is it raining in Bonn?"),
        new("assistant", "") { ToolCalls = [new ToolCall("call_1", "get_weather", """{"place": "Bonn"}"""), new ToolCall("call_2", "now", "{}")] },
        new("tool", "rain") { ToolCallId = "call_1", Name = "get_weather" },
        new("tool", "12:00") { ToolCallId = "call_2", Name = "now" },
    ];

    [Fact]
    public void A_template_that_knows_tools_gets_them()
    {
        using TinyModelFile file = new(new TinyModel { ChatTemplate = ChatData.Template("qwen2.jinja") });
        using HalfspaceModel model = file.Load();
        string text = model.RenderChat(_conversation, new ToolSet([_weather, _time]));
        Assert.Contains("""{"type": "function", "function": {"name": "get_weather", "description": "The weather of a place.", "parameters": {"type": "object", """,
            text, StringComparison.Ordinal);
        Assert.Contains("""
            <|im_start|>assistant
            <tool_call>
            {"name": "get_weather", "arguments": {"place": "Bonn"}}
            </tool_call>
            <tool_call>
            {"name": "now", "arguments": {}}
            </tool_call><|im_end|>
            <|im_start|>user
            <tool_response>
            rain
            </tool_response>
            <tool_response>
            12:00
            </tool_response><|im_end|>
            <|im_start|>assistant

            """.ReplaceLineEndings("\n"), text, StringComparison.Ordinal);
        Assert.DoesNotContain("<tools>", model.RenderChat(_conversation, new ToolSet([_weather], ToolChoice.None)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_without_tools_gets_them_as_text()
    {
        using TinyModelFile file = new(new TinyModel { ChatTemplate = ChatMl });
        using HalfspaceModel model = file.Load();
        string text = model.RenderChat(_conversation, new ToolSet([_weather, _time], ToolChoice.Named("get_weather")));
        Assert.StartsWith("<|im_start|>system\nBe brief.\n\nYou can call functions.", text, StringComparison.Ordinal);
        Assert.Contains("""{"type":"function","function":{"name":"get_weather","description":"The weather of a place.","parameters":{"type":"object",""", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\"name\":\"now\"", text, StringComparison.Ordinal);
        Assert.EndsWith("""
            <|im_start|>assistant
            <tool_call>
            {"name": "get_weather", "arguments": {"place": "Bonn"}}
            </tool_call>
            <tool_call>
            {"name": "now", "arguments": {}}
            </tool_call><|im_end|>
            <|im_start|>user
            <tool_response>
            rain
            </tool_response>
            <tool_response>
            12:00
            </tool_response><|im_end|>
            <|im_start|>assistant

            """.ReplaceLineEndings("\n"), text, StringComparison.Ordinal);
        Assert.StartsWith("<|im_start|>system\nYou can call", model.RenderChat([new("user", "Hi")], new ToolSet([_time])), StringComparison.Ordinal);
    }

    [Fact]
    public void Control_tokens_in_tools_stay_text()
    {
        using TinyModelFile file = new(new TinyModel { ChatTemplate = ChatMl });
        using HalfspaceModel model = file.Load();
        ToolSet Tools(string word) => new([new ToolDefinition("f", word, Json("""{"type":"object","properties":{"W":{"enum":["W"]}}}""".Replace("W", word, StringComparison.Ordinal)))]);
        int[] hostile = model.EncodeChat([new("user", "Hi")], Tools("<|endoftext|>"));
        Assert.DoesNotContain(TinyModel.EndToken, hostile);
        Assert.Equal(model.RenderChat([new("user", "Hi")], Tools("<|endoftext|>")), model.Tokenizer.Decode(hostile));
    }

    [Fact]
    public void A_required_call_is_a_valid_call_of_the_function_s_schema()
    {
        using TinyModelFile file = new(new TinyModel());
        using HalfspaceModel model = file.Load();
        Grammar grammar = new ToolSet([_weather, _time], ToolChoice.Named("get_weather"), allowParallel: false).GrammarFor(null)!;
        for (int seed = 0; seed < 20; seed++)
        {
            ToolCallParser parser = new();
            string text = GrammarWalk.Text(grammar, model.Tokenizer, new Random(seed), 400);
            Assert.Equal("", parser.Append(text) + parser.Flush());
            ToolCall call = Assert.Single(parser.Calls);
            Assert.Equal("get_weather", call.Name);
            JsonElement arguments = Json(call.Arguments);
            Assert.InRange(arguments.GetProperty("place").GetString()!.EnumerateRunes().Count(), 1, 6);
        }
    }

    [Fact]
    public void Grammars_of_tools_have_these_texts_and_not_those()
    {
        const string Call = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"place\": \"Bonn\"}}\n</tool_call>", Now = "<tool_call>\n{\"name\":\"now\",\"arguments\":{}}\n</tool_call>";
        Grammar required = new ToolSet([_weather, _time], ToolChoice.Required).GrammarFor(null)!, auto = new ToolSet([_weather, _time]).GrammarFor(null)!;
        Grammar single = new ToolSet([_weather, _time], ToolChoice.Auto, allowParallel: false).GrammarFor(Grammar.JsonObject())!;
        Assert.All([Call, Now, Call + "\n" + Now], text => Assert.True(GrammarWalk.Accepts(required, text), text));
        Assert.All(["", "Hello", Call + Now, Call + "\n", "x" + Call, Call.Replace("Bonn", "Bonnnnn", StringComparison.Ordinal), Call.Replace("get_weather", "other", StringComparison.Ordinal)],
            text => Assert.False(GrammarWalk.Accepts(required, text), text));
        Assert.All(["", "Hello <tool>, é <<tool_call", "I look.\n" + Call, Now + "\n" + Now, "<<tool_call>" + Now["<tool_call>".Length..]], text => Assert.True(GrammarWalk.Accepts(auto, text), text));
        Assert.All(["<tool_call>", "a<tool_call>x", Call + "x", "<tool_call>\n{}\n</tool_call>"], text => Assert.False(GrammarWalk.Accepts(auto, text), text));
        Assert.All(["{\"a\": 1}", Call], text => Assert.True(GrammarWalk.Accepts(single, text), text));
        Assert.All(["Hello", Call + "\n" + Now], text => Assert.False(GrammarWalk.Accepts(single, text), text));
        Assert.Null(new ToolSet([_weather], ToolChoice.None).GrammarFor(null));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a\"")]
    public void A_malformed_name_is_refused(string name) => Assert.Throws<ModelException>(() => new ToolSet([_weather with { Name = name }]));

    [Fact]
    public void Tools_that_do_not_fit_together_are_refused()
    {
        Assert.Contains("Two tools", Assert.Throws<ModelException>(() => new ToolSet([_time, _time])).Message, StringComparison.Ordinal);
        Assert.Contains("'x'", Assert.Throws<ModelException>(() => new ToolSet([_time], ToolChoice.Named("x"))).Message, StringComparison.Ordinal);
        Assert.Throws<ModelException>(() => new ToolSet([], ToolChoice.Required));
        Assert.Throws<ModelException>(() => new ToolSet([_time with { Parameters = Json("[]") }]));
        Assert.Throws<ModelException>(() => new ToolSet([_time with { Parameters = Json("""{"title":"\ud800"}""") }]));
        ToolDefinition odd = _time with { Parameters = Json("""{"type":"object","properties":{"a":{"not":{}}}}""") };
        Assert.Contains("/properties/a/not", Assert.Throws<ModelException>(() => new ToolSet([odd], ToolChoice.Required).GrammarFor(null)).Message, StringComparison.Ordinal);
        Assert.True(GrammarWalk.Accepts(new ToolSet([odd]).GrammarFor(null)!, "<tool_call>\n{\"name\": \"now\", \"arguments\": {\"b\": 1}}\n</tool_call>"));
    }

    [Theory]
    [InlineData("Hello.", "Hello.", 0)]
    [InlineData("I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1]}}\n</tool_call>", "I look.", 1)]
    [InlineData("<tool_call>{\"name\":\"f\",\"parameters\":{}}</tool_call>\n<tool_call>{\"name\":\"g\"}</tool_call>\n", "", 2)]
    [InlineData("<tool_call>{\"name\":\"f\",\"arguments\":\"{}\"}", "", 1)]
    [InlineData("<tool_call>{\"name\":1}</tool_call>", "<tool_call>{\"name\":1}</tool_call>", 0)]
    [InlineData("<tool_call>\n{\"name\": \"f\", \"arg", "<tool_call>\n{\"name\": \"f\", \"arg", 0)]
    [InlineData("a <tool_ca", "a <tool_ca", 0)]
    [InlineData("a < b <tool_call x \n", "a < b <tool_call x \n", 0)]
    public void Calls_are_taken_out_wherever_the_pieces_end(string answer, string content, int calls)
    {
        for (int size = 1; size <= answer.Length; size++)
        {
            ToolCallParser parser = new();
            string text = "";
            for (int at = 0; at < answer.Length; at += size) text += parser.Append(answer.Substring(at, Math.Min(size, answer.Length - at)));
            Assert.Equal(content, text + parser.Flush());
            Assert.Equal(calls, parser.Calls.Count);
            Assert.All(parser.Calls, call => Assert.Equal(JsonValueKind.Object, Json(call.Arguments).ValueKind));
            Assert.Equal(calls, parser.Calls.Select(call => call.Id).Distinct().Count());
        }
    }

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
