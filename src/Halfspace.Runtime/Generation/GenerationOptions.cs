namespace Halfspace.Runtime.Generation;

/// <summary>What to generate and when to stop.</summary>
public sealed record GenerationOptions
{
    /// <summary>The most tokens to generate; 0 for as many as the context holds.</summary>
    public int MaxTokens { get; init; }

    /// <summary>How the next token is picked from the logits; greedy by default.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Texts that end the generation; they are not part of the answer.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Goes on past the model's end tokens.</summary>
    public bool IgnoreEnd { get; init; }

    /// <summary>What the text must look like; null for any text. If the number of tokens or the context's end cuts it short, it is only the
    /// begin of such a text.</summary>
    public Grammar? Grammar { get; init; }

    /// <summary>Gives each token's log probability and so many of the likeliest tokens' beside it, 0 to <see cref="MaxTopLogProbabilities"/>;
    /// null gives none.</summary>
    public int? TopLogProbabilities { get; init; }

    /// <summary>The most alternatives of a token that can be asked for.</summary>
    public const int MaxTopLogProbabilities = 20;
}

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>It has not ended.</summary>
    None,

    /// <summary>The model ended it, or a stop text came.</summary>
    Stop,

    /// <summary>The wanted number of tokens was reached.</summary>
    Length,

    /// <summary>The context is full.</summary>
    ContextFull,
}

/// <summary>A piece of generated text: whole characters only, possibly none.</summary>
/// <param name="Text">The new characters.</param>
/// <param name="Tokens">Tokens generated so far.</param>
/// <param name="Finish">Set in the last piece.</param>
public readonly record struct GeneratedText(string Text, int Tokens, FinishReason Finish)
{
    /// <summary>The tokens whose text begins in this piece or before, and in no piece before; empty unless they were asked for.</summary>
    public IReadOnlyList<TokenLogProbability> LogProbabilities { get => field ?? []; init; }
}
