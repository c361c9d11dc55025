using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Tests.Tokenization;

/// <summary>Special tokens, and descriptions that do not fit.</summary>
public sealed class VocabularyTests
{
    private const int Letters = 256;

    // The 256 bytes, then letters joined by merges, then special tokens.
    private static readonly string[] Added = ["ab", "abc", "<|im_end|>", "<|im", "<|eot_id|>", "::", "::::", "<pad>", "abd"];

    private static readonly TokenizerVocabulary Vocabulary = new()
    {
        Model = "gpt2",
        Pre = "llama-bpe",
        Tokens = [.. Enumerable.Range(0, Letters).Select(value => ByteAlphabet.ToChar((byte)value).ToString()), .. Added],
        Merges = ["a b", "ab c"],
        Types =
        [
            .. Enumerable.Repeat(TokenType.Normal, Letters + 2), TokenType.Control, TokenType.Control, TokenType.Control,
            TokenType.UserDefined, TokenType.UserDefined, TokenType.Unused, TokenType.Normal,
        ],
        BosId = Id("<|im"),
        EosId = 10,
        EotId = Id("<pad>"),
    };

    private static readonly Tokenizer Tokenizer = Tokenizer.Create(Vocabulary);

    [Fact]
    public void User_defined_tokens_are_found_in_any_text_the_longest_first()
    {
        Assert.Equal([Id("ab"), Id("::::"), Id("::"), 'c'], Tokenizer.Encode("ab::::::c"));
        Assert.Equal("ab::::::c", Tokenizer.Decode(Tokenizer.Encode("ab::::::c")));
    }

    [Fact]
    public void Control_tokens_are_found_only_where_asked_for()
    {
        const string Text = "abc<|im_end|><|im<|eot_id|>";
        Assert.Equal([Id("abc"), Id("<|im_end|>"), Id("<|im"), Id("<|eot_id|>")], Tokenizer.Encode(Text, parseSpecial: true));
        int[] plain = Tokenizer.Encode(Text);
        Assert.DoesNotContain(plain, Tokenizer.IsSpecial);
        Assert.Equal(Text, Tokenizer.Decode(plain));
        Assert.Equal("abc", Tokenizer.Decode(Tokenizer.Encode(Text, parseSpecial: true)));
    }

    [Fact]
    public void Text_that_is_written_like_a_control_token_is_not_one_even_as_a_whole_piece()
    {
        Tokenizer tokenizer = Tokenizer.Create(Vocabulary with
        {
            Types = WithType(Id("abd"), TokenType.Control),
        });
        Assert.Equal([Id("ab"), (int)'d'], tokenizer.Encode("abd"));
    }

    [Fact]
    public void Llama_3_takes_a_piece_that_is_a_token_whole_and_others_merge_it()
    {
        Assert.Equal([Id("abd")], Tokenizer.Encode("abd"));
        Assert.Equal([Id("ab"), (int)'d'], Tokenizer.Create(Vocabulary with { Pre = "qwen2" }).Encode("abd"));
    }

    [Fact]
    public void Generation_ends_at_EOS_EOT_and_the_usual_names()
    {
        Assert.Equal([10, Id("<|im_end|>"), Id("<|eot_id|>"), Id("<pad>")], Tokenizer.EndIds);
        Assert.True(Tokenizer.AddBos); // Llama 3, and the file does not say
        Assert.False(Tokenizer.Create(Vocabulary with { Pre = "gpt-2" }).AddBos);
        Assert.False(Tokenizer.Create(Vocabulary with { BosId = null }).AddBos);
    }

    [Fact]
    public void A_user_defined_token_named_like_a_control_token_is_one()
    {
        Tokenizer tokenizer = Tokenizer.Create(Vocabulary with { Types = WithType(Id("<|im_end|>"), TokenType.UserDefined) });
        Assert.True(tokenizer.IsSpecial(Id("<|im_end|>")));
        Assert.Equal(Tokenizer.EndIds, tokenizer.EndIds);
        Assert.DoesNotContain(Id("<|im_end|>"), tokenizer.Encode("<|im_end|>"));
    }

    [Fact]
    public void Plain_text_in_the_vocabulary_is_decoded_as_it_is() =>
        Assert.Equal("日本", Tokenizer.Create(Vocabulary with { Tokens = [.. Vocabulary.Tokens[..^1], "日本"] }).Decode([Id("abd")]));

    [Theory]
    [InlineData("unigram", "qwen2", "'unigram'")]
    [InlineData("gpt2", "mystery", "'mystery'")]
    [InlineData("gpt2", null, "tokenizer.ggml.pre is missing")]
    public void A_kind_that_is_not_supported_is_named(string model, string? pre, string named) =>
        Assert.Contains(named, Fails(Vocabulary with { Model = model, Pre = pre }), StringComparison.Ordinal);

    [Fact]
    public void What_does_not_fit_is_named()
    {
        Assert.Contains("eos_token_id is 999", Fails(Vocabulary with { EosId = 999 }), StringComparison.Ordinal);
        Assert.Contains("bos_token_id is -1", Fails(Vocabulary with { BosId = -1 }), StringComparison.Ordinal);
        Assert.Contains("no tokens", Fails(Vocabulary with { Tokens = [] }), StringComparison.Ordinal);
        Assert.Contains("token_type has 1 entries", Fails(Vocabulary with { Types = [TokenType.Normal] }), StringComparison.Ordinal);
        Assert.Contains("unknown type 7", Fails(Vocabulary with { Types = WithType(3, (TokenType)7) }), StringComparison.Ordinal);
        Assert.Contains("not written as <0xNN>", Fails(Vocabulary with { Types = WithType(3, TokenType.Byte) }), StringComparison.Ordinal);
        Assert.Contains("no merges", Fails(Vocabulary with { Merges = null }), StringComparison.Ordinal);
        Assert.Contains("merges", Fails(Vocabulary with { Merges = ["a b", "a q"] }), StringComparison.Ordinal);
        Assert.Contains("merges", Fails(Vocabulary with { Merges = ["ab"] }), StringComparison.Ordinal);
        Assert.Contains("merges", Fails(Vocabulary with { Merges = ["a  b"] }), StringComparison.Ordinal);
        Assert.Contains("merges", Fails(Vocabulary with { Merges = [" b"] }), StringComparison.Ordinal);
        Assert.Contains("no scores", Fails(Vocabulary with { Model = "llama" }), StringComparison.Ordinal);
        Assert.Contains("add_bos_token", Fails(Vocabulary with { AddBos = true, BosId = null }), StringComparison.Ordinal);
        float[] scores = new float[Vocabulary.Tokens.Length];
        scores[5] = float.NaN;
        Assert.Contains("Token 5", Fails(Vocabulary with { Model = "llama", Scores = scores }), StringComparison.Ordinal);
    }

    private static int Id(string token) => Letters + Array.IndexOf(Added, token);

    private static TokenType[] WithType(int id, TokenType type) => [.. Vocabulary.Types!.Select((old, i) => i == id ? type : old)];

    private static string Fails(TokenizerVocabulary vocabulary)
    {
        string message = Assert.Throws<ModelException>(() => Tokenizer.Create(vocabulary)).Message;
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        return message;
    }
}
