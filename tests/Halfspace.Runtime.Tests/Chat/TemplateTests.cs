using System.Text.Json;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Gguf;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Chat;

/// <summary>Whole templates: the embedded model's own, and one in the style of each well-known family.</summary>
public sealed class TemplateTests
{
    private static readonly JsonElement Data = ChatData.Json("templates.json");

    public static TheoryData<string, string> Renderings
    {
        get
        {
            TheoryData<string, string> rows = [];
            foreach (JsonElement r in Data.GetProperty("renderings").EnumerateArray())
                rows.Add(r.GetProperty("template").GetString()!, r.GetProperty("conversation").GetString()!);
            return rows;
        }
    }

    [Fact]
    public void The_embedded_model_renders_the_golden_chats()
    {
        using GgufFile file = GgufFile.Open(Repository.EmbeddedModel);
        ChatTemplate template = ChatTemplate.Parse(file.Metadata.GetString("tokenizer.chat_template"));
        JsonElement cases = JsonDocument.Parse(Repository.GoldenText("chat")).RootElement;
        Assert.Equal(3, cases.GetArrayLength());
        foreach (JsonElement one in cases.EnumerateArray())
        {
            ChatTurn[] turns = [.. one.GetProperty("messages").EnumerateArray().Select(m =>
                new ChatTurn(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!))];
            Assert.Equal(one.GetProperty("text").GetString(), template.Render(turns, true, "<|im_start|>", "<|im_end|>"));
        }
    }

    [Fact]
    public void Every_template_is_rendered_with_every_conversation() =>
        Assert.Equal(ChatData.Templates.Count() * Data.GetProperty("conversations").EnumerateObject().Count(), Renderings.Count);

    [Theory, MemberData(nameof(Renderings))]
    public void A_family_renders_a_conversation(string template, string conversation)
    {
        JsonElement expected = Data.GetProperty("renderings").EnumerateArray().Single(r =>
            r.GetProperty("template").GetString() == template && r.GetProperty("conversation").GetString() == conversation);
        JsonElement given = Data.GetProperty("conversations").GetProperty(conversation);
        string Render() => ChatData.Render(
            ChatData.Template(template),
            ChatData.Variables(given.GetProperty("variables")),
            given.GetProperty("addGenerationPrompt").GetBoolean());

        if (expected.GetProperty("text").GetString() is { } text)
        {
            Assert.Equal(text, Render());
            return;
        }

        ChatTemplateException failure = Assert.Throws<ChatTemplateException>(Render);
        if (expected.GetProperty("refusal").GetString() is { } refusal) Assert.Contains(refusal, failure.Message, StringComparison.Ordinal);
        else Assert.Contains("cannot be rendered", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Turns_and_tokens_reach_the_template()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m['content'] }}{{ eos_token }}{% endfor %}" +
            "{{ add_generation_prompt }}{{ tools is none }}");
        Assert.Equal("^user:Hi$TrueTrue", template.Render([new ChatTurn("user", "Hi")], true, "^", "$"));
        Assert.Equal("FalseTrue", template.Render([], false, null, null));
    }

    [Fact]
    public void Variables_replace_the_standard_ones()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ tools|tojson }}{{ enable_thinking }}{{ ratio }}{{ add_generation_prompt }}");
        Dictionary<string, object?> variables = new()
        {
            ["tools"] = new[] { new Dictionary<string, object?> { ["name"] = "now" } },
            ["enable_thinking"] = false,
            ["ratio"] = 0.5f,
            ["add_generation_prompt"] = 7,
        };
        Assert.Equal("[{\"name\": \"now\"}]False0.57", template.Render([], true, null, null, variables));
    }

    [Fact]
    public void A_variable_of_an_unknown_type_is_an_argument_error()
    {
        ArgumentException failure = Assert.Throws<ArgumentException>(() =>
            ChatTemplate.Parse("x").Render([], true, null, null, new Dictionary<string, object?> { ["x"] = new Version(1, 0) }));
        Assert.Contains("System.Version", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_template_renders_on_many_threads()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}");
        Parallel.For(0, 64, i => Assert.Equal($"{i}", template.Render(new ChatTurn[i], false, null, null)));
    }
}
