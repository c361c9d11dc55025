using System.Text.Json;
using CsCheck;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Gguf;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Chat;

/// <summary>Templates in the styles of well-known models; the expected texts were rendered with Jinja2 set up as transformers sets it up.</summary>
public sealed class ChatTemplateTests
{
    private const string Folder = "tests/Halfspace.Runtime.Tests/Chat/";
    private static readonly JsonElement _data = JsonDocument.Parse(File.ReadAllText(Repository.File(Folder + "templates.json"))).RootElement;

    public static TheoryData<string, string> Renderings()
    {
        TheoryData<string, string> renderings = [];
        foreach (JsonElement rendering in _data.GetProperty("renderings").EnumerateArray())
            renderings.Add(rendering.GetProperty("template").GetString()!, rendering.GetProperty("conversation").GetString()!);
        return renderings;
    }

    [Theory, MemberData(nameof(Renderings))]
    public void Renders_what_Jinja2_renders(string template, string conversation)
    {
        JsonElement expected = _data.GetProperty("renderings").EnumerateArray()
            .Single(r => r.GetProperty("template").GetString() == template && r.GetProperty("conversation").GetString() == conversation);
        string source = File.ReadAllText(Repository.File(Folder + "templates/" + template));
        if (expected.GetProperty("text").GetString() is { } text)
        {
            Assert.Equal(text, Render(source, conversation));
            return;
        }

        ChatTemplateException e = Assert.Throws<ChatTemplateException>(() => Render(source, conversation));
        Assert.Contains("--raw", e.Message, StringComparison.Ordinal);
        if (expected.GetProperty("refusal").GetString() is { } refusal) Assert.Contains(refusal, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_embedded_model_s_template_renders_the_reference_s_texts()
    {
        using GgufFile file = GgufFile.Open(Repository.EmbeddedModel);
        ChatTemplate template = ChatTemplate.Parse(file.Metadata.GetString("tokenizer.chat_template"));
        foreach (JsonElement golden in JsonDocument.Parse(Repository.GoldenText("chat")).RootElement.EnumerateArray())
        {
            ChatTurn[] turns = [.. golden.GetProperty("messages").EnumerateArray()
                .Select(m => new ChatTurn(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!))];
            Assert.Equal(golden.GetProperty("text").GetString(), template.Render(turns, true, "<|im_start|>", "<|im_end|>"));
        }
    }

    [Theory]
    [InlineData("{{ messages[0].content ~ '!' }}", "Hi!")]
    [InlineData("{% for m in messages %}\n  {{- m['role'] | upper }}\n{%- endfor %}", "USER")]
    [InlineData("{% set ns = namespace(n=0) %}{% for i in range(5) if i is odd %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "4")]
    [InlineData("{{ 'a-b-c'.split('-')[::-1] | join('+') }}{{ missing | default('x') }}{{ [1, 2.0, true, none] }}", "c+b+ax[1, 2.0, True, None]")]
    [InlineData("{% macro f(x, y=2) %}{{ x * y }}{% endmacro %}{{ f(3) }}{{ f(3, y='ab') if false else 7 // 2 }}", "63")]
    [InlineData("{{ {'b': 1, 'a': [true]} | tojson }}{# comment #}{{ -7 % 3 }}{{ 1 < 2 < 3 and not (4 in [5]) }}", "{\"b\": 1, \"a\": [true]}2True")]
    [InlineData("{% if messages %}\n  a\n{% endif %}\nb", "  a\nb")]
    [InlineData("{{ messages[0].missing is defined }}{{ 'é' | length }}{{ 'ab' * 2 }}{{ '%s' | string }}", "False1abab%s")]
    public void Small_templates_render_as_in_Jinja2(string template, string expected) =>
        Assert.Equal(expected, ChatTemplate.Parse(template).Render([new ChatTurn("user", "Hi")], true, null, null));

    [Theory]
    [InlineData("{% if %}")]
    [InlineData("{{ messages[")]
    [InlineData("{% for m in messages %}")]
    [InlineData("{% include 'file' %}")]
    [InlineData("{{ nothing.at_all }}")]
    [InlineData("{{ 1 / 0 }}")]
    [InlineData("{{ 'x' | no_such_filter }}")]
    [InlineData("{{ raise_exception('not this way') }}")]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")]
    [InlineData("{{ 'x' * 1000000000 }}")]
    public void What_cannot_be_rendered_is_a_sentence_with_a_line_that_offers_raw(string template)
    {
        ChatTemplateException e = Assert.Throws<ChatTemplateException>(
            () => ChatTemplate.Parse(template).Render([new ChatTurn("user", "Hi")], true, null, null));
        Assert.Contains("line 1", e.Message, StringComparison.Ordinal);
        Assert.Contains("--raw", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_nesting_is_refused_without_a_stack_overflow()
    {
        foreach (string deep in new[] { new string('(', 100_000), "{% if 1 %}", "[", "-", "not ", "{'a':" })
        {
            string source = deep.StartsWith("{%", StringComparison.Ordinal) ? string.Concat(Enumerable.Repeat(deep, 10_000))
                : "{{ " + (deep.Length > 1000 ? deep : string.Concat(Enumerable.Repeat(deep, 100_000))) + "1";
            Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source));
        }
    }

    [Fact]
    public void Mutated_templates_throw_nothing_but_the_template_s_exception()
    {
        string[] sources = [.. Directory.GetFiles(Repository.File(Folder + "templates")).Order(StringComparer.Ordinal).Select(File.ReadAllText)];
        string[] pieces = ["{{", "}}", "{%", "%}", "{%-", "-%}", "{#", " | tojson", "[::-1]", "'", "\"", "(", ")", "endfor", "messages", ".", "-1", "~", "loop"];
        Gen<(int Source, (int At, int Cut, int Piece)[] Edits)> gen = Gen.Select(
            Gen.Int[0, sources.Length - 1], Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, 6], Gen.Int[0, pieces.Length - 1]).Array[1, 6]);
        gen.Sample(
            mutation =>
            {
                string source = sources[mutation.Source];
                foreach ((int at, int cut, int piece) in mutation.Edits)
                {
                    int start = at % source.Length;
                    source = source[..start] + pieces[piece] + source[Math.Min(source.Length, start + cut)..];
                }

                try
                {
                    ChatTemplate.Parse(source).Render([new ChatTurn("system", "s"), new ChatTurn("user", "u")], true, "<s>", "</s>");
                }
                catch (ChatTemplateException)
                {
                    // The only exception that is allowed.
                }
            },
            seed: "0000KOIPe036", iter: 3000);
    }

    private static string Render(string source, string conversation)
    {
        JsonElement given = _data.GetProperty("conversations").GetProperty(conversation);
        Dictionary<string, object?> variables = (Dictionary<string, object?>)Plain(given.GetProperty("variables"))!;
        return ChatTemplate.Parse(source, new StoppedClock()).Render([], given.GetProperty("addGenerationPrompt").GetBoolean(), "<s>", "</s>", variables);
    }

    /// <summary>The day on which the expected texts were rendered.</summary>
    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2024, 7, 26, 12, 0, 0, TimeSpan.Zero);

        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
    }

    private static object? Plain(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => json.EnumerateObject().ToDictionary(p => p.Name, p => Plain(p.Value)),
        JsonValueKind.Array => json.EnumerateArray().Select(Plain).ToList(),
        JsonValueKind.String => json.GetString(),
        JsonValueKind.Number => json.TryGetInt64(out long whole) ? (object)whole : json.GetDouble(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };
}
