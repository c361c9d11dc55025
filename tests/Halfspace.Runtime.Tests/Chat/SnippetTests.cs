using System.Text.Json;
using Halfspace.Runtime.Chat;

namespace Halfspace.Runtime.Tests.Chat;

/// <summary>Small templates over one set of variables, each with the text that Jinja2 gives; null where Jinja2 fails.</summary>
public sealed class SnippetTests
{
    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Snippets.GetArrayLength())];

    private static JsonElement Snippets { get; } = ChatData.Json("snippets.json").GetProperty("snippets");

    private static Dictionary<string, object?> Variables { get; } =
        ChatData.Variables(ChatData.Json("snippets.json").GetProperty("variables"));

    [Theory, MemberData(nameof(Rows))]
    public void Renders_as_Jinja2(int row)
    {
        string template = Snippets[row].GetProperty("template").GetString()!;
        if (Snippets[row].GetProperty("text").GetString() is { } expected)
            Assert.Equal(expected, ChatData.Render(template, Variables));
        else
            Assert.Throws<ChatTemplateException>(() => ChatData.Render(template, Variables));
    }
}
