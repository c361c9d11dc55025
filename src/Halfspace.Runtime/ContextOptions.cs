using Halfspace.Attention;

namespace Halfspace.Runtime;

/// <summary>How a context holds and reads its tokens.</summary>
public sealed record ContextOptions
{
    /// <summary>The most tokens it can hold; 0 takes what the model was trained for, times its RoPE scaling.</summary>
    public int Limit { get; init; }

    /// <summary>Attention while decoding.</summary>
    public AttentionOptions Attention { get; init; } = new();

    /// <summary>Attention while reading a prompt. Dense is exact; sparse is the faster one for long prompts.</summary>
    public AttentionOptions PromptAttention { get; init; } = new() { Mode = AttentionMode.Dense };

    /// <summary>Tokens of a prompt that run through the model at once.</summary>
    public int ChunkTokens { get; init; } = 512;

    /// <summary>Tokens at the beginning that chunks of a prompt end with, as they do where these tokens are read to be saved: a prompt is then read alike, to the
    /// last bit, whether its opening came from a saved context or not. 0 for no such place.</summary>
    public int OpeningTokens { get; init; }
}
