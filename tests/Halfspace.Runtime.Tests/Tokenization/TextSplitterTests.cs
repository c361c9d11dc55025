using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using CsCheck;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Tests.Tokenization;

/// <summary>The splitters by hand-worked texts, and against the published expressions on texts of the basic plane.</summary>
public sealed class TextSplitterTests
{
    [StringSyntax(StringSyntaxAttribute.Regex)]
    private const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    [StringSyntax(StringSyntaxAttribute.Regex)]
    private const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly string Qwen2 = Llama3.Replace("{1,3}", "", StringComparison.Ordinal);

    [Theory]
    [InlineData("gpt-2", "Hello world", "Hello| world")]
    [InlineData("gpt-2", "don't I'LL we've", "don|'t| I|'|LL| we|'ve")]
    [InlineData("gpt-2", "x  = 12345;", "x| | =| 12345|;")]
    [InlineData("gpt-2", "a\n\n  b  ", "a|\n\n | b|  ")]
    [InlineData("gpt-2", "it's 's", "it|'s| '|s")]
    [InlineData("gpt-2", "𝐀𝐁 𝟏𝟐😀", "𝐀𝐁| 𝟏𝟐|😀")]
    [InlineData("smollm", "x  12 b", "x|  |1|2| b")]
    [InlineData("smollm", "  a 3.14", " | a| |3|.|1|4")]
    [InlineData("smollm", "½Ⅷ𝟏", "½|Ⅷ|𝟏")]
    [InlineData("llama-bpe", "Hello world", "Hello| world")]
    [InlineData("llama-bpe", "don't I'LL WE'Ve", "don|'t| I|'LL| WE|'Ve")]
    [InlineData("llama-bpe", "1234567 89", "123|456|7| |89")]
    [InlineData("llama-bpe", "def f(x):\n    return -x\n\n\n", "def| f|(x|):\n|   | return| -|x|\n\n\n")]
    [InlineData("llama-bpe", "a \n \n  b", "a| \n \n| | b")]
    [InlineData("llama-bpe", "a\r\n\r\nb\tc", "a|\r\n\r\n|b|\tc")]
    [InlineData("llama-bpe", "Grüße,日本語。", "Grüße|,日本語|。")]
    [InlineData("llama-bpe", "'ſt", "'ſ|t")]
    [InlineData("llama-bpe", "\uD835\uDC00😀!\n", "\uD835\uDC00|😀!\n")]
    [InlineData("qwen2", "1234567 89", "1|2|3|4|5|6|7| |8|9")]
    [InlineData("qwen2", "We'll see  it", "We|'ll| see| | it")]
    public void Text_is_cut_as_worked_by_hand(string name, string text, string pieces) =>
        Assert.Equal(pieces, string.Join('|', Split(name, text)));

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("smollm")]
    [InlineData("llama-bpe")]
    [InlineData("qwen2")]
    public void Text_is_cut_as_the_expression_cuts_it(string name)
    {
        Func<string, IEnumerable<string>> expected = name switch
        {
            "gpt-2" => text => Matches(text, Gpt2),
            "smollm" => text => Matches(text, @"\p{N}|[^\p{N}]+").SelectMany(stretch => Matches(stretch, Gpt2)),
            "llama-bpe" => text => Matches(text, Llama3),
            _ => text => Matches(text, Qwen2),
        };
        Texts.Kinds.Sample(text => Assert.Equal(expected(text), Split(name, text)), seed: Texts.Seed, iter: 5000);
    }

    [Fact]
    public void Every_piece_has_a_character_and_together_they_are_the_text() =>
        Gen.Select(Gen.OneOf("gpt-2", "smollm", "llama-bpe", "qwen2"), Gen.String).Sample((name, text) =>
        {
            List<string> pieces = [.. Split(name, text)];
            Assert.DoesNotContain("", pieces);
            Assert.Equal(text, string.Concat(pieces));
        }, seed: Texts.Seed, iter: 2000);

    [Fact]
    public void An_unknown_name_says_what_is_known()
    {
        string message = Assert.Throws<ModelException>(() => TextSplitter.Named("tekken")).Message;
        Assert.Contains("'tekken'", message, StringComparison.Ordinal);
        Assert.Contains("gpt-2, smollm, llama-bpe, qwen2", message, StringComparison.Ordinal);
        message = Assert.Throws<ModelException>(() => TextSplitter.Named(null)).Message;
        Assert.Contains("tokenizer.ggml.pre is missing", message, StringComparison.Ordinal);
    }

    private static List<string> Split(string name, string text)
    {
        TextSplitter splitter = TextSplitter.Named(name);
        List<string> pieces = [];
        for (int at = 0; at < text.Length; at += pieces[^1].Length)
            pieces.Add(text.Substring(at, splitter.Next(text.AsSpan(at))));
        return pieces;
    }

    private static IEnumerable<string> Matches(string text, string pattern) =>
        Regex.Matches(text, pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5)).Select(match => match.Value);
}
