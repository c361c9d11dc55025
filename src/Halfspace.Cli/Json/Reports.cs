using System.Text.Json.Serialization;

namespace Halfspace.Cli;

/// <summary>A piece of an answer.</summary>
internal sealed record RunPiece
{
    public required string Text { get; init; }
}

/// <summary>The end of an answer.</summary>
internal sealed record RunDone
{
    public bool Done { get; } = true;

    /// <summary>stop, length, context_full or stopped.</summary>
    public required string Finish { get; init; }

    public required int PromptTokens { get; init; }

    [JsonPropertyName("prompt_tokens_per_s")]
    public required double PromptTokensPerSecond { get; init; }

    public required int GeneratedTokens { get; init; }

    [JsonPropertyName("ms_per_token")]
    public required double MillisecondsPerToken { get; init; }

    public required double KeysPerHead { get; init; }

    /// <summary>The share of query rows that attended to every key.</summary>
    public required double RowsDense { get; init; }

    /// <summary>The mean bound of a head's error, relative to its output; dense rows have 0.</summary>
    public required double CertificateMean { get; init; }

    /// <summary>The largest such bound.</summary>
    public required double CertificateWorst { get; init; }

    /// <summary>The mean estimate of that error; no bound.</summary>
    public required double ErrorEstimate { get; init; }

    public required long ContextBytes { get; init; }
}

/// <summary>What <c>tokenize</c> prints: ids with their text, or the text of ids.</summary>
internal sealed record TokenizeReport
{
    public required IReadOnlyList<int> Ids { get; init; }

    public required string Text { get; init; }
}

/// <summary>What <c>info</c> prints.</summary>
internal sealed record InfoReport
{
    public required string File { get; init; }

    public required long FileBytes { get; init; }

    public required uint GgufVersion { get; init; }

    public required string Name { get; init; }

    public required string Architecture { get; init; }

    public required int Layers { get; init; }

    public required int Hidden { get; init; }

    public required int FeedForward { get; init; }

    public required int QueryHeads { get; init; }

    public required int KvHeads { get; init; }

    public required int HeadDim { get; init; }

    public required int Vocabulary { get; init; }

    public required int TrainedContext { get; init; }

    public required double RopeBase { get; init; }

    public required string RopeScaling { get; init; }

    public required double RopeFactor { get; init; }

    public required string Tokenizer { get; init; }

    public required string? PreTokenizer { get; init; }

    public required bool ChatTemplate { get; init; }

    public required long Parameters { get; init; }

    public required IReadOnlyList<TensorGroup> Tensors { get; init; }

    public required long KvBytesPerToken { get; init; }

    /// <summary>What sparse attention keeps besides.</summary>
    public required long SketchBytesPerToken { get; init; }

    public required string CacheFolder { get; init; }
}

/// <summary>The tensors of one type.</summary>
internal sealed record TensorGroup
{
    public required string Type { get; init; }

    public required int Tensors { get; init; }

    public required long Bytes { get; init; }
}

/// <summary>What <c>perplexity</c> prints. Sparse attention adds the comparison with dense.</summary>
internal sealed record PerplexityReport
{
    /// <summary>Tokens of the text.</summary>
    public required int Tokens { get; init; }

    /// <summary>Tokens whose probability <see cref="Nll"/> is the mean of.</summary>
    public required int Scored { get; init; }

    /// <summary>Mean −ln p(next), in nats.</summary>
    public required double Nll { get; init; }

    public required double Perplexity { get; init; }

    /// <summary>Dense attention's over the same tokens.</summary>
    public double? NllDense { get; init; }

    /// <summary>Mean KL(dense‖sparse) of the next token, in nats.</summary>
    public double? Kl { get; init; }

    /// <summary>The share of tokens where both find the same next token the likeliest.</summary>
    [JsonPropertyName("top1_agreement")]
    public double? Top1Agreement { get; init; }

    public double? KeysPerHead { get; init; }

    /// <summary>Activations in dense products: float or int8.</summary>
    public string Activations { get; init; } = "";
}

/// <summary>What <c>bench</c> prints for an attention and a depth; the llama.cpp peer prints the same names.</summary>
internal sealed record BenchReport
{
    public string Engine { get; } = "halfspace";

    public required string Model { get; init; }

    public required int Threads { get; init; }

    public required string Attention { get; init; }

    public required string Prefill { get; init; }

    public required int Depth { get; init; }

    [JsonPropertyName("prefill_tokens_per_s")]
    public required double PrefillTokensPerSecond { get; init; }

    /// <summary>Of the prompt's seconds, those of its attention.</summary>
    [JsonPropertyName("prefill_attention_s")]
    public required double PrefillAttentionSeconds { get; init; }

    /// <summary>Keys that a head read exactly for a row of the prompt.</summary>
    public required double PrefillKeysPerHead { get; init; }

    /// <summary>Median of a decoded token.</summary>
    [JsonPropertyName("decode_ms")]
    public required double DecodeMilliseconds { get; init; }

    [JsonPropertyName("decode_ms_min")]
    public required double DecodeMillisecondsMin { get; init; }

    public required double KeysPerHead { get; init; }

    /// <summary>Memory of the process, the weights that it has mapped included, while it held the context.</summary>
    [JsonPropertyName("memory_mb")]
    public required double MemoryMegabytes { get; init; }
}

/// <summary>How the time of a prompt's attention grows with its length.</summary>
internal sealed record BenchExponent
{
    public required string Attention { get; init; }

    public required string Prefill { get; init; }

    public required double PrefillAttentionExponent { get; init; }
}
