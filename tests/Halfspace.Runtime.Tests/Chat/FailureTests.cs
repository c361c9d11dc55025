using Halfspace.Runtime.Chat;

namespace Halfspace.Runtime.Tests.Chat;

/// <summary>What a template's failure says, and that hostile templates end soon and without harm.</summary>
public sealed class FailureTests
{
    [Theory]
    [InlineData("a\nb\n{{ messages", 3, "a tag has no end '}}'")]
    [InlineData("a\n{# b", 2, "a comment has no end '#}'")]
    [InlineData("{% raw %}\n", 1, "a raw block has no end")]
    [InlineData("\n\n{% if x %}\n", 3, "a block has no end '{% endif %}'")]
    [InlineData("\n{% include 'x' %}", 2, "the tag 'include' is not supported")]
    [InlineData("\n{% do x %}", 2, "the tag 'do' is not supported")]
    [InlineData("{% for x in y recursive %}{% endfor %}", 1, "recursive loops are not supported")]
    [InlineData("{% endif %}", 1, "the tag 'endif' ends nothing")]
    [InlineData("\n{% break %}", 2, "outside a loop")]
    [InlineData("\n{{ 1 +\n }}", 3, "an expression is expected, but there is '}}'")]
    [InlineData("{{ 'a\n }}", 1, "no closing quote")]
    [InlineData("{{ a ? b }}", 1, "'?' is not expected here")]
    [InlineData("{{ (1] }}", 1, "the bracket ']' closes nothing")]
    [InlineData("{{ 99999999999999999999 }}", 1, "64 bits")]
    public void Reading_names_the_line_and_the_reason(string template, int line, string reason)
    {
        ChatTemplateException failure = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template));
        Assert.Equal(line, failure.Line);
        Assert.StartsWith($"The model's chat template cannot be read (line {line}): ", failure.Message, StringComparison.Ordinal);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.EndsWith("Pass --raw to send the prompt without a template.", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\n{{ x.y }}", 2, "'x' is undefined")]
    [InlineData("{{ messages[0].y }}", 1, "has no item 0")]
    [InlineData("{{ {}.y.z }}", 1, "a value of type 'dict' has no attribute 'y'")]
    [InlineData("a\nb {{ 'x' + 1 }}", 2, "type 'int'")]
    [InlineData("{{ 'x'|shout }}", 1, "the filter 'shout' is not supported")]
    [InlineData("{{ 'x' is loud }}", 1, "the test 'loud' is not supported")]
    [InlineData("{{ messages.append(1) }}", 1, "which templates may not do")]
    [InlineData("{{ 9223372036854775807 + 1 }}", 1, "64-bit")]
    [InlineData("{% macro f() %}\n\n\n{% endmacro %}{{ f() + 1 }}", 4, "type 'int'")]
    [InlineData("{% set x.y = 1 %}", 1, "'x' is not a namespace")]
    [InlineData("{{ strftime_now('%Q') }}", 1, "'%Q' is not supported")]
    public void Rendering_names_the_line_and_the_reason(string template, int line, string reason)
    {
        ChatTemplateException failure = Assert.Throws<ChatTemplateException>(() => ChatData.Render(template));
        Assert.Equal(line, failure.Line);
        Assert.StartsWith($"The model's chat template cannot be rendered (line {line}): ", failure.Message, StringComparison.Ordinal);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.EndsWith("Pass --raw to send the prompt without a template.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_passes_the_template_s_own_words_on()
    {
        ChatTemplateException failure = Assert.Throws<ChatTemplateException>(() =>
            ChatData.Render("\n{{ raise_exception('Roles must alternate') }}"));
        Assert.Equal(
            "The model's chat template refuses this conversation (line 2): Roles must alternate. Change the conversation, or " +
            "pass --raw to send the prompt without a template.",
            failure.Message);
    }

    public static TheoryData<string, string> Hostile => new()
    {
        { "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "does not come to an end" },
        { "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nests too deeply" },
        { "{% macro f(n) %}{% for i in range(3) %}{{ f(n + 1) if n < 30 }}{% endfor %}{% endmacro %}{{ f(0) }}", "to an end" },
        { "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", "text of more than" },
        { "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", "does not come to an end" },
        { "{% set ns = namespace(x=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}", "to an end" },
        { "{% set ns = namespace(x=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}", "to an end" },
        {
            "{% set n = namespace(x=[], y=[]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}" +
            "{{ n.x == n.y }}",
            "to an end"
        },
        { "{% set ns = namespace(x=[]) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}", "nests too deeply" },
        { "{% set n = namespace(x=[]) %}{% for i in range(90000) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x|tojson }}", "nests too deeply" },
        { "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", "nests too deeply" },
        { "{{ 'a' * 1000000000000 }}", "text of more than" },
        { "{{ [0] * 1000000000000 }}", "does not come to an end" },
        { "{{ '%9999999999d' % 1 }}", "width" },
        { "{{ 'a\nb'|indent(999999999) }}", "text of more than" },
        { "{{ ('a' * 4000000)|replace('a', 'b' * 4000000) }}", "to an end" },
        { "{{ ('a' * 4000000)|replace('', 'bb') }}", "to an end" },
        { "{{ 'a'.zfill(999999999) }}", "text of more than" },
        { "{{ ('a ' * 2000000).split() }}", "does not come to an end" },
        { "{{ ('a' * 4000000)|list }}", "does not come to an end" },
        { "{% for i in range(100000) %}{{ 'a' * 1000 }}{% endfor %}", "text of more than" },
        { "{% for i in range(100000) %}{% set x %}{{ 'a' * 1000 }}{% endset %}{% endfor %}", "does not come to an end" },
        { "{% for i in range(100000) %}{% if 'ab' in 'a' * 1000 %}{% endif %}{% endfor %}", "does not come to an end" },
        { "{{ range(100001) }}", "a range has more than" },
        { "{{ 2 ** 9223372036854775807 }}", "64-bit" },
        { "{{ range(-9223372036854775807, 9223372036854775807) }}", "a range has more than" },
        { $"{{{{ {new string('(', 100_000)}1{new string(')', 100_000)} }}}}", "nests too deeply" },
        { $"{{{{ {new string('[', 100_000)}{new string(']', 100_000)} }}}}", "nests too deeply" },
        { $"{{{{ {new string('-', 100_000)}1 }}}}", "nests too deeply" },
        { $"{{{{ {string.Concat(Enumerable.Repeat("not ", 100_000))}1 }}}}", "nests too deeply" },
        { $"{{{{ 1{string.Concat(Enumerable.Repeat("+1", 100_000))} }}}}", "nests too deeply" },
        { $"{{{{ x{string.Concat(Enumerable.Repeat(".x", 100_000))} }}}}", "nests too deeply" },
        { $"{{{{ ''{string.Concat(Enumerable.Repeat("|trim", 100_000))} }}}}", "nests too deeply" },
        { $"{{{{ 1{string.Concat(Enumerable.Repeat(" if 1 else 1", 80_000))} }}}}", "nests too deeply" },
        { string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000)), "nests too deeply" },
        { $"{{% set {new string('(', 100_000)}", "a tag has no end" },
        { $"{{% set {new string('(', 100_000)}a{new string(')', 100_000)} = 1 %}}", "nests too deeply" },
        { DeepMap(100_000), "to an end" },
        { DeepMap(900), "nests too deeply" },
        { new string('x', 2_000_000), "longer than" },
    };

    /// <summary>map applies map, which applies map, to lists within each other.</summary>
    private static string DeepMap(int depth) =>
        $"{{% set n = namespace(x=[1]) %}}{{% for i in range({Math.Min(depth, 90_000)}) %}}{{% set n.x = [n.x] %}}{{% endfor %}}" +
        $"{{{{ n.x|map({string.Concat(Enumerable.Repeat("'map',", depth))}'string')|list }}}}";

    [Theory, MemberData(nameof(Hostile))]
    public void A_hostile_template_ends_with_a_sentence(string template, string reason)
    {
        Exception? failure = null;
        Thread small = new(() => failure = Record.Exception(() => ChatData.Render(template)), maxStackSize: 512 << 10);
        small.Start();
        small.Join();
        Assert.Contains(reason, Assert.IsType<ChatTemplateException>(failure).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_document_passes_through()
    {
        string document = string.Concat(Enumerable.Repeat("It came to pass in the days. ", 300_000));
        ChatTurn[] turns = [new("system", "Be brief."), new("user", document)];
        foreach (string name in ChatData.Templates)
        {
            string text = ChatTemplate.Parse(ChatData.Template(name)).Render(turns, true, "<s>", "</s>");
            Assert.Contains(document.AsSpan().Trim(), text.AsSpan(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_long_conversation_passes_through()
    {
        ChatTurn[] turns = [.. Enumerable.Range(0, 2001).Select(i => new ChatTurn(i % 2 == 0 ? "user" : "assistant", $"Turn {i}"))];
        foreach (string name in ChatData.Templates)
        {
            string text = ChatTemplate.Parse(ChatData.Template(name)).Render(turns, true, "<s>", "</s>");
            Assert.Contains("Turn 2000", text, StringComparison.Ordinal);
        }
    }
}
