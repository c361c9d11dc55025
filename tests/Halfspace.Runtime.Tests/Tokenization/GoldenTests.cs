using System.Runtime.InteropServices;
using System.Text.Json;
using CsCheck;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Tests.Tokenization;

/// <summary>The embedded model's tokenizer against ids from another framework.</summary>
public sealed class GoldenTests
{
    private static readonly Tokenizer Tokenizer = TestModel.Tokenizer;

    [Fact]
    public void Texts_become_the_golden_ids_and_come_back()
    {
        JsonElement.ArrayEnumerator cases = Read("tokenizer.json");
        Assert.NotEmpty(cases);
        foreach (JsonElement one in cases)
        {
            string text = one.GetProperty("text").GetString()!;
            int[] ids = Tokenizer.Encode(text, parseSpecial: true); // as the reference does, and one text has special tokens
            Assert.Equal(Ids(one), ids);
            Assert.Equal(text, Tokenizer.Decode(ids, skipSpecial: false));
            int[] plain = Tokenizer.Encode(text);
            Assert.Equal(text, Tokenizer.Decode(plain));
            Assert.DoesNotContain(plain, Tokenizer.IsSpecial);
        }
    }

    [Fact]
    public void Rendered_chats_become_the_golden_ids_and_come_back()
    {
        JsonElement.ArrayEnumerator cases = Read("chat.json");
        Assert.NotEmpty(cases);
        foreach (JsonElement one in cases)
        {
            string text = one.GetProperty("text").GetString()!;
            int[] ids = Tokenizer.Encode(text, parseSpecial: true);
            Assert.Equal(Ids(one), ids);
            Assert.Equal(text, Tokenizer.Decode(ids, skipSpecial: false));
            Assert.DoesNotContain("<|im_", Tokenizer.Decode(ids), StringComparison.Ordinal);
            Assert.DoesNotContain(Tokenizer.Encode(text), Tokenizer.IsSpecial);
        }
    }

    [Fact]
    public void Bible_ids_come_back_as_text_that_becomes_the_same_ids()
    {
        // The text begins and ends between words, so decoding and encoding again must give the golden ids.
        int[] ids = MemoryMarshal.Cast<byte, int>(File.ReadAllBytes(TestModel.Golden("ids.bin"))).ToArray();
        Assert.Equal(8192, ids.Length);
        string text = Tokenizer.Decode(ids);
        Assert.DoesNotContain('\uFFFD', text);
        Assert.Equal(ids, Tokenizer.Encode(text));
    }

    [Fact]
    public void The_special_tokens_are_those_of_the_file()
    {
        Assert.Equal(49152, Tokenizer.VocabularySize);
        Assert.Equal((1, 2), (Tokenizer.BosId, Tokenizer.EosId));
        Assert.False(Tokenizer.AddBos);
        Assert.Equal([0, 2], Tokenizer.EndIds);
        Assert.Equal("<|im_end|>", Tokenizer.TokenText(2));
        Assert.True(Tokenizer.IsSpecial(16));
        Assert.False(Tokenizer.IsSpecial(17));
        Assert.Equal([1, 19556], Tokenizer.Encode("Hello", addBos: true));
        Assert.Equal([1, 19556], Tokenizer.Encode("<|im_start|>Hello", parseSpecial: true, addBos: true));
    }

    [Fact]
    public void Any_text_comes_back()
    {
        // The vocabulary has no token for six control characters and for the lead bytes of planes 4 to 11, which hold no characters.
        Gen<string> texts = Texts.Any.Select(text => string.Concat(text.EnumerateRunes().Where(rune => rune.Value is not
            (0x04 or 0x06 or 0x13 or 0x14 or 0x16 or 0x1D or (>= 0x40000 and < 0xC0000)))));
        texts.Sample(text => Assert.Equal(text, Tokenizer.Decode(Tokenizer.Encode(text))), seed: Texts.Seed, iter: 2000);
    }

    [Fact]
    public void A_lone_surrogate_counts_as_the_replacement_character() =>
        Assert.Equal(Tokenizer.Encode("a\uFFFDb\uFFFD"), Tokenizer.Encode("a\uD800b\uDC00"));

    [Fact]
    public void Bytes_without_a_token_are_left_out()
    {
        Assert.Equal(Tokenizer.Encode(".."), Tokenizer.Encode(".\u0004."));
        string dots = new('.', 300);
        Assert.Equal(Tokenizer.Encode(dots), Tokenizer.Encode(dots.Insert(100, "\u0004")));
    }

    [Fact]
    public void NUL_and_the_empty_text_are_texts()
    {
        Assert.Empty(Tokenizer.Encode(""));
        Assert.Equal("", Tokenizer.Decode([]));
        Assert.Equal("\0a\0", Tokenizer.Decode(Tokenizer.Encode("\0a\0")));
    }

    [Fact]
    public void Long_pieces_merge_as_short_ones_do()
    {
        // Runs above and below the length at which the merge loop changes; the token of 4 letters repeats either way.
        int four = Assert.Single(Tokenizer.Encode("aaaa"));
        Assert.All(Tokenizer.Encode(new string('a', 256)), id => Assert.Equal(four, id));
        Assert.All(Tokenizer.Encode(new string('a', 4096)), id => Assert.Equal(four, id));
    }

    [Theory]
    [InlineData('a')]
    [InlineData(' ')]
    [InlineData('\n')]
    [InlineData('\'')]
    [InlineData('<')]
    [InlineData('7')]
    [InlineData('中')]
    public void A_long_run_of_one_character_comes_back(char c)
    {
        string text = new(c, 1 << 18);
        Assert.Equal(text, Tokenizer.Decode(Tokenizer.Encode(text, parseSpecial: true)));
    }

    [Fact]
    public void An_id_outside_the_vocabulary_is_refused()
    {
        Assert.Contains("49152", Assert.Throws<ModelException>(() => Tokenizer.Decode([49152])).Message, StringComparison.Ordinal);
        Assert.Throws<ModelException>(() => Tokenizer.TokenText(-1));
    }

    private static JsonElement.ArrayEnumerator Read(string name) =>
        JsonDocument.Parse(File.ReadAllText(TestModel.Golden(name))).RootElement.EnumerateArray();

    private static int[] Ids(JsonElement one) => [.. one.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
}
