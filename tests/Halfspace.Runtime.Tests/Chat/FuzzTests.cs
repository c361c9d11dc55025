using CsCheck;
using Halfspace.Runtime.Chat;

namespace Halfspace.Runtime.Tests.Chat;

/// <summary>Whatever a file holds as its template, the answer is a text or a <see cref="ChatTemplateException"/>.</summary>
public sealed class FuzzTests
{
    private const string Seed = "0000K1mzqH5f";

    private static readonly string[] Pieces =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "{{-", "-}}", "{%-", "-%}", "{%+", "+%}", "-#}", "{% raw %}", "{% endraw %}",
        "{% if ", "{% elif ", "{% else %}", "{% endif %}", "{% for x in ", "{% for k, v in d.items() %}", "{% endfor %}",
        "{% set x = ", "{% set x %}", "{% endset %}", "{% set ns.x = ", "{% macro f(a, b=1) %}", "{% endmacro %}",
        "{% call f() %}", "{% endcall %}", "{% filter upper %}", "{% endfilter %}", "{% with a=1 %}", "{% endwith %}",
        "{% generation %}", "{% endgeneration %}", "{% break %}", "{% continue %}", " if ", " else ", " in ", " not ", " is ",
        " and ", " or ", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "=", "==", "<", "~", "+", "-", "*", "**", "/", "//",
        "%", "'", "\"", "\\", "'a'", "'%s %5d'", "1", "0", "-1", "2.5", "1e9", "0x1f", "9223372036854775807", "true", "none",
        "x", "d", "l", "s", "messages", "ns", "loop", "loop.index", "loop.cycle", "f(", "range(", "namespace(", "dict(",
        "joiner(", "cycler(", "strftime_now(", "raise_exception(", ".split(", ".strip(", ".items()", ".get(", ".format(",
        ".find(", ".replace(", ".zfill(", ".index(", ".join(", "|trim", "|tojson", "|tojson(indent=", "|length", "|join(",
        "|map(", "|select(", "|selectattr(", "|sort", "|default(", "|first", "|int", "|round(", "|batch(", "|indent(",
        "|replace(", "|unique", "|dictsort", "|sum", "defined", "divisibleby(", "[::-1]", "[1:]", "[::", "*x", "**d", " ", "\n",
        "\t", "é", "😀", "\ud800", "\0", "text",
    ];

    private static readonly Gen<string> Soup = Gen.OneOf(Pieces).Array[0, 40].Select(string.Concat);

    private static readonly Gen<string> Expressions = Soup.Select(soup => $"{{{{ {soup} }}}}");

    private static readonly Gen<string> Damaged =
        from name in Gen.OneOf(ChatData.Templates.ToArray())
        from edits in Gen.Select(Gen.Double.Unit, Gen.Int[0, 12], Gen.OneOf(Pieces), Gen.Int[0, 3]).Array[1, 4]
        select edits.Aggregate(ChatData.Template(name), Edit);

    [Fact]
    public void Any_text() => Gen.String.Sample(Ends, seed: Seed, iter: 5_000);

    [Fact]
    public void Pieces_in_any_order() => Gen.OneOf(Soup, Expressions).Sample(Ends, seed: Seed, iter: 20_000);

    [Fact]
    public void Damaged_templates() => Damaged.Sample(Ends, seed: Seed, iter: 10_000);

    private static string Edit(string text, (double Place, int Length, string Piece, int Kind) edit)
    {
        int start = (int)(edit.Place * text.Length), end = Math.Min(start + edit.Length, text.Length);
        return edit.Kind switch
        {
            0 => text[..start] + text[end..],
            1 => text[..start] + edit.Piece + text[start..],
            2 => text[..start] + edit.Piece + text[end..],
            _ => text[..end] + text[start..],
        };
    }

    private static void Ends(string template)
    {
        Dictionary<string, object?> variables = new()
        {
            ["messages"] = new object[] { Turn("system", "Be."), Turn("user", "Hi"), Turn("assistant", "a</think>b"), Turn("user", "Go") },
            ["tools"] = new object[] { new Dictionary<string, object?> { ["function"] = Turn("now", "") } },
            ["d"] = new Dictionary<string, object?> { ["b"] = 1, ["a"] = new object?[] { 1, 2.5, null } },
            ["l"] = new object?[] { 3, 1, "a", null, true },
            ["s"] = "Hello 😀",
        };
        try
        {
            Assert.NotNull(ChatData.Render(template, variables, addGenerationPrompt: true));
        }
        catch (ChatTemplateException e)
        {
            Assert.EndsWith("to send the prompt without a template.", e.Message, StringComparison.Ordinal);
        }
    }

    private static Dictionary<string, object?> Turn(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
