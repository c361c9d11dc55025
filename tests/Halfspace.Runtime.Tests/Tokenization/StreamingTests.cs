using System.Text;
using CsCheck;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Tests.Tokenization;

/// <summary>Streamed text has whole characters only, and stops before a stop string wherever the borders fall.</summary>
public sealed class StreamingTests
{
    private static readonly Tokenizer Tokenizer = TestModel.Tokenizer;

    private static readonly Dictionary<byte, int> ByteIds = Enumerable.Range(0, Tokenizer.VocabularySize)
        .Where(id => Tokenizer.TokenBytes(id).Length == 1).ToDictionary(id => Tokenizer.TokenBytes(id)[0]);

    [Fact]
    public void Streamed_tokens_join_to_the_decoded_text_in_whole_characters() =>
        Gen.Int[0, Tokenizer.VocabularySize - 1].Array[0, 40].Sample(ids =>
        {
            string text = Stream(ids, skipSpecial: false);
            Assert.Equal(Tokenizer.Decode(ids, skipSpecial: false), text);
            Assert.Equal(Tokenizer.Decode(ids), Stream(ids, skipSpecial: true));
        }, seed: Texts.Seed, iter: 1000);

    [Fact]
    public void Streamed_bytes_join_to_the_decoded_text_in_whole_characters() =>
        Gen.OneOf<byte>(0x41, 0x7F, 0x80, 0xA0, 0xBF, 0xC2, 0xC3, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF4, 0x9F, 0x98, 0x90).Array[0, 30].Sample(
            bytes =>
            {
                int[] ids = [.. bytes.Select(value => ByteId(value))];
                Assert.Equal(Encoding.UTF8.GetString(bytes), Stream(ids, skipSpecial: true));
            }, seed: Texts.Seed, iter: 5000);

    [Fact]
    public void A_character_waits_for_its_last_byte_and_a_pair_comes_whole()
    {
        StreamingDecoder decoder = new(Tokenizer);
        foreach (byte value in (ReadOnlySpan<byte>)[0xF0, 0x9F, 0x98])
            Assert.Equal("", decoder.Append(ByteId(value)));
        Assert.Equal("😀", decoder.Append(ByteId(0x80)));
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void Half_a_character_becomes_the_replacement_character_once_that_is_certain()
    {
        StreamingDecoder decoder = new(Tokenizer);
        Assert.Equal("", decoder.Append(ByteId(0xE2)));
        Assert.Equal("\uFFFDA", decoder.Append(ByteId((byte)'A')));
        Assert.Equal("\uFFFD", decoder.Append(ByteId(0x80)));
        Assert.Equal("", decoder.Append(ByteId(0xE2)));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void A_token_allocates_nothing()
    {
        int[] ids = Tokenizer.Encode("An 😀 answer — of \u65e5\u672c\u8a9e some tokens.\n");
        StreamingDecoder decoder = new(Tokenizer);
        StopSequences stops = new(["\n\n", "answers"]);
        int length = 0;
        Assert.Equal(0, Allocations.Least(() =>
        {
            length = 0;
            for (int i = 0; i < 100; i++)
                foreach (int id in ids) length += stops.Append(decoder.Append(id)).Length;
            // The last newline is held back.
            length += stops.Flush().Length;
        }));
        Assert.Equal(100 * Tokenizer.Decode(ids).Length, length);
    }

    [Theory]
    [InlineData("one two three", "two", "one ", "two")]
    [InlineData("one two", "tw,two,wo", "one ", "tw")]
    [InlineData("xabcy", "bc,abc", "x", "abc")]
    [InlineData("aabaabaac", "aabaac", "aab", "aabaac")]
    [InlineData("the end", "END", "the end", null)]
    [InlineData("a😀b😁c", "😁", "a😀b", "😁")]
    [InlineData("", "x", "", null)]
    public void Text_ends_before_the_stop_string(string text, string stops, string expected, string? found)
    {
        for (int size = 1; size <= Math.Max(1, text.Length); size++)
            Assert.Equal((expected, found), Stop(text, stops.Split(','), size));
    }

    [Fact]
    public void Stops_are_what_the_naive_search_finds_wherever_borders_fall()
    {
        Gen<string> words = Gen.OneOf('a', 'b').Array[1, 5].Select(letters => new string(letters));
        Gen.Select(Gen.OneOf('a', 'b', 'c').Array[0, 30].Select(letters => new string(letters)), words.Array[0, 3], Gen.Int[1, 6])
            .Sample((text, stops, size) => Assert.Equal(NaiveStop(text, stops), Stop(text, stops, size)), seed: Texts.Seed, iter: 5000);
    }

    [Fact]
    public void Only_what_may_be_a_stop_string_is_held_back()
    {
        StopSequences stops = new(["abac"]);
        Assert.Equal("x", stops.Append("xaba"));
        Assert.Equal("ab", stops.Append("b"));
        Assert.Equal("ab", stops.Flush());
    }

    [Fact]
    public void A_stop_string_must_have_whole_characters()
    {
        Assert.Throws<ModelException>(() => new StopSequences([""]));
        Assert.Throws<ModelException>(() => new StopSequences(["\uDE00a"]));
    }

    private static int ByteId(byte value) => ByteIds[value];

    private static string Stream(int[] ids, bool skipSpecial)
    {
        StreamingDecoder decoder = new(Tokenizer, skipSpecial, atStart: true);
        StringBuilder text = new();
        foreach (int id in ids)
            Add(decoder.Append(id));
        Add(decoder.Flush());
        return text.ToString();

        void Add(ReadOnlySpan<char> output)
        {
            // No half of a pair, and so no half of a character.
            Assert.Equal(output.ToString(), Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(output.ToString())));
            text.Append(output);
        }
    }

    private static (string Text, string? Found) Stop(string text, string[] stops, int size)
    {
        StopSequences sequences = new(stops);
        StringBuilder output = new();
        for (int at = 0; at < text.Length; at += size)
            output.Append(sequences.Append(text.AsSpan(at, Math.Min(size, text.Length - at))));
        output.Append(sequences.Flush());
        return (output.ToString(), sequences.Found);
    }

    private static (string Text, string? Found) NaiveStop(string text, string[] stops)
    {
        for (int end = 1; end <= text.Length; end++)
        {
            string? stop = stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal)).MaxBy(stop => stop.Length);
            if (stop is not null)
                return (text[..(end - stop.Length)], stop);
        }

        return (text, null);
    }
}
