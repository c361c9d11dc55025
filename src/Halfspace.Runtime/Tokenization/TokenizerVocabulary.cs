namespace Halfspace.Runtime.Tokenization;

/// <summary>A tokenizer as a model file describes it, before anything is built from it. <see cref="Validate"/> checks it.</summary>
public sealed record TokenizerVocabulary
{
    /// <summary><c>tokenizer.ggml.model</c>: <c>gpt2</c> (byte-level BPE) or <c>llama</c> (SentencePiece BPE).</summary>
    public required string Model { get; init; }

    /// <summary><c>tokenizer.ggml.pre</c>: how byte-level BPE splits text before merging.</summary>
    public string? Pre { get; init; }

    /// <summary>Token texts; a token's id is its index.</summary>
    public required string[] Tokens { get; init; }

    /// <summary>A type a token; without it every token is text but those named by an id below.</summary>
    public TokenType[]? Types { get; init; }

    /// <summary>A score a token, used by <c>llama</c>: of two possible merges the higher score goes first.</summary>
    public float[]? Scores { get; init; }

    /// <summary>Merges of <c>gpt2</c> in order of rank, each two tokens with a space between.</summary>
    public string[]? Merges { get; init; }

    /// <summary>The token that begins a text.</summary>
    public int? BosId { get; init; }

    /// <summary>The token that ends a text.</summary>
    public int? EosId { get; init; }

    /// <summary>The token that ends a turn of a conversation.</summary>
    public int? EotId { get; init; }

    /// <summary>The token for what the vocabulary cannot express.</summary>
    public int? UnknownId { get; init; }

    /// <summary>Whether a text begins with <see cref="BosId"/>; without it <c>llama</c> and Llama 3 do, others do not.</summary>
    public bool? AddBos { get; init; }

    /// <summary>Whether <c>llama</c> puts a space before text; without it, it does.</summary>
    public bool? AddSpacePrefix { get; init; }

    /// <summary>The type of a token. A user-defined token named as control tokens are is one; some converters confuse them.</summary>
    internal TokenType TypeOf(int id) =>
        Types is not null ? (Types[id] == TokenType.UserDefined && IsNamedLikeControl(Tokens[id]) ? TokenType.Control : Types[id])
        : id == BosId || id == EosId || id == EotId ? TokenType.Control
        : id == UnknownId ? TokenType.Unknown
        : Model == "llama" && ByteOf(Tokens[id]) >= 0 ? TokenType.Byte
        : TokenType.Normal;

    /// <summary>Whether a token is named as ends of a text or a turn usually are.</summary>
    internal static bool IsNamedLikeEnd(string token) => token is "<|im_end|>" or "<|eot_id|>" or "<|eom_id|>" or "<|end_of_text|>"
        or "<|endoftext|>" or "</s>" or "<|end|>" or "<end_of_turn>";

    private static bool IsNamedLikeControl(string token) => IsNamedLikeEnd(token) || token is ['<', '|', .., '|', '>'];

    /// <summary>The byte that <c>&lt;0xNN&gt;</c> stands for, or −1.</summary>
    internal static int ByteOf(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && char.IsAsciiHexDigit(token[3]) && char.IsAsciiHexDigit(token[4])
            ? Convert.ToInt32(token.Substring(3, 2), 16) : -1;

    /// <summary>Checks that the parts fit each other.</summary>
    /// <exception cref="ModelException">A count, an id, a type or a score is wrong.</exception>
    public void Validate()
    {
        if (Tokens.Length == 0)
            throw new ModelException("The model's tokenizer has no tokens (tokenizer.ggml.tokens is empty); convert the model again.");
        if (Types is not null)
        {
            Matches("token_type", Types.Length);
            for (int id = 0; id < Types.Length; id++)
            {
                if (Types[id] is < TokenType.Normal or > TokenType.Byte)
                    throw new ModelException(
                        $"Token {id} has the unknown type {(int)Types[id]} in tokenizer.ggml.token_type; types are 1 to 6.");
                if (Types[id] == TokenType.Byte && ByteOf(Tokens[id]) < 0)
                    throw new ModelException($"Token {id} is a byte by its type but is not written as <0xNN>; convert the model again.");
            }
        }

        if (Scores is not null)
        {
            Matches("scores", Scores.Length);
            int bad = Array.FindIndex(Scores, score => !float.IsFinite(score));
            if (bad >= 0)
                throw new ModelException($"Token {bad} has the score {Scores[bad]} in tokenizer.ggml.scores; scores are finite numbers.");
        }

        Inside("bos_token_id", BosId);
        Inside("eos_token_id", EosId);
        Inside("eot_token_id", EotId);
        Inside("unknown_token_id", UnknownId);
        if (AddBos == true && BosId is null)
            throw new ModelException(
                "tokenizer.ggml.add_bos_token is set but there is no tokenizer.ggml.bos_token_id; convert the model again.");
    }

    private void Matches(string name, int count)
    {
        if (count != Tokens.Length)
            throw new ModelException(
                $"tokenizer.ggml.{name} has {count} entries for {Tokens.Length} tokens; convert the model again.");
    }

    private void Inside(string name, int? id)
    {
        if (id is int value && (uint)value >= (uint)Tokens.Length)
            throw new ModelException(
                $"tokenizer.ggml.{name} is {value} but the vocabulary has {Tokens.Length} tokens; convert the model again.");
    }
}
