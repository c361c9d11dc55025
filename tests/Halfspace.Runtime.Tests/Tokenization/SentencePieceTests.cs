using CsCheck;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Tests.Tokenization;

/// <summary>SentencePiece BPE over a vocabulary small enough to work by hand.</summary>
public sealed class SentencePieceTests
{
    private static readonly (string Text, float Score)[] Pieces =
    [
        ("▁", -9), ("a", -9), ("b", -9), ("c", -9), ("é", -9), ("0", -9), ("😀", -9),
        ("ab", -1), ("bc", -2), ("abc", -5), ("▁a", -3), ("▁ab", -4), ("00", -2), ("000", -6), ("▁▁", -1),
        ("ca", 0), ("aa", 1), ("aab", -0.5f),
    ];

    private static readonly TokenizerVocabulary Vocabulary = Build(bytes: true);
    private static readonly Tokenizer Tokenizer = Tokenizer.Create(Vocabulary);
    private static readonly Tokenizer WithoutPrefix = Tokenizer.Create(Vocabulary with { AddSpacePrefix = false });

    [Theory]
    [InlineData("abc", "▁ab|c")]
    [InlineData("0abc", "▁|0|abc")]
    [InlineData("ab", "▁ab")]
    [InlineData("bc a", "▁|bc|▁a")]
    [InlineData("b000", "▁|b|000")]
    [InlineData("0000", "▁|00|00")]
    [InlineData("caab", "▁|c|aab")]
    [InlineData("  a", "▁▁|▁a")]
    [InlineData("é😀", "▁|é|😀")]
    [InlineData("ñ\n", "▁|<0xC3>|<0xB1>|<0x0A>")]
    [InlineData("<0x41><s>", "▁|<0x3C>|0|<0x78>|<0x34>|<0x31>|<0x3E>|<0x3C>|<0x73>|<0x3E>")]
    [InlineData("", "")]
    public void Text_becomes_the_tokens_worked_by_hand(string text, string tokens) => Assert.Equal(tokens, Show(Tokenizer.Encode(text)));

    [Fact]
    public void Text_becomes_what_the_naive_loop_makes_of_it() =>
        Gen.OneOf("abcaab00 é😀ñ".EnumerateRunes().Select(rune => rune.ToString()).ToArray()).Array[0, 40].Select(string.Concat<string>)
            .Sample(text => Assert.Equal(Naive(text), Show(WithoutPrefix.Encode(text))), seed: Texts.Seed, iter: 5000);

    [Fact]
    public void Any_text_but_the_stand_in_for_a_space_comes_back() =>
        Texts.Any.Select(text => text.Replace('▁', '_')).Sample(text =>
        {
            Assert.Equal(text, Tokenizer.Decode(Tokenizer.Encode(text)));
            Assert.Equal(text, WithoutPrefix.Decode(WithoutPrefix.Encode(text)));
        }, seed: Texts.Seed, iter: 2000);

    [Fact]
    public void Each_stretch_between_control_tokens_has_a_space_before_it_that_decoding_takes_away()
    {
        int[] ids = Tokenizer.Encode("<s>ab</s> ab", parseSpecial: true);
        Assert.Equal("<s>|▁ab|</s>|▁▁|ab", Show(ids));
        Assert.Equal("<s>ab</s> ab", Tokenizer.Decode(ids, skipSpecial: false));
        Assert.Equal("ab ab", Tokenizer.Decode(ids));
    }

    [Fact]
    public void BOS_goes_first_unless_the_file_says_otherwise()
    {
        Assert.True(Tokenizer.AddBos);
        Assert.False(Tokenizer.Create(Vocabulary with { AddBos = false }).AddBos);
        Assert.Equal("<s>|▁ab", Show(Tokenizer.Encode("ab", addBos: true)));
        Assert.Equal([2], Tokenizer.EndIds);
    }

    [Fact]
    public void Without_bytes_a_strange_character_is_the_unknown_token()
    {
        Tokenizer tokenizer = Tokenizer.Create(Build(bytes: false));
        Assert.Equal("▁a|<unk>|b", Show(tokenizer.Encode("añb"), tokenizer));
        Assert.Equal("ab", tokenizer.Decode(tokenizer.Encode("añb")));
    }

    [Fact]
    public void Without_types_bytes_and_control_tokens_are_found_by_name_and_id()
    {
        Tokenizer tokenizer = Tokenizer.Create(Vocabulary with { Types = null });
        Assert.Equal(Tokenizer.Encode("<s>ñ</s>", parseSpecial: true), tokenizer.Encode("<s>ñ</s>", parseSpecial: true));
        Assert.Equal(Tokenizer.Encode("<s>"), tokenizer.Encode("<s>"));
    }

    [Theory]
    [InlineData('a')]
    [InlineData(' ')]
    [InlineData('ñ')]
    public void A_long_run_of_one_character_comes_back(char c)
    {
        string text = new(c, 1 << 18);
        Assert.Equal(text, Tokenizer.Decode(Tokenizer.Encode(text)));
    }

    private static TokenizerVocabulary Build(bool bytes)
    {
        List<(string Text, float Score, TokenType Type)> tokens =
        [
            ("<unk>", 0, TokenType.Unknown), ("<s>", 0, TokenType.Control), ("</s>", 0, TokenType.Control),
            .. Enumerable.Range(0, bytes ? 256 : 0).Select(value => ($"<0x{value:X2}>", 0f, TokenType.Byte)),
            .. Pieces.Select(piece => (piece.Text, piece.Score, TokenType.Normal)),
        ];
        return new()
        {
            Model = "llama",
            Tokens = [.. tokens.Select(token => token.Text)],
            Scores = [.. tokens.Select(token => token.Score)],
            Types = [.. tokens.Select(token => token.Type)],
            UnknownId = 0,
            BosId = 1,
            EosId = 2,
        };
    }

    /// <summary>Of all neighbours that form a piece, join those of the highest score, the leftmost on a tie, to the end.</summary>
    private static string Naive(string text)
    {
        Dictionary<string, float> scores = Pieces.ToDictionary(piece => piece.Text, piece => piece.Score);
        List<string> parts = [.. text.Replace(' ', '▁').EnumerateRunes().Select(rune => rune.ToString())];
        while (true)
        {
            int best = -1;
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                if (scores.TryGetValue(parts[i] + parts[i + 1], out float score)
                    && (best < 0 || score > scores[parts[best] + parts[best + 1]]))
                    best = i;
            }

            if (best < 0)
                break;
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }

        return string.Join('|', parts.SelectMany(part => scores.ContainsKey(part)
            ? [part] : System.Text.Encoding.UTF8.GetBytes(part).Select(value => $"<0x{value:X2}>")));
    }

    private static string Show(int[] ids, Tokenizer? tokenizer = null) =>
        string.Join('|', ids.Select(id => (tokenizer ?? Tokenizer).TokenText(id)));
}
