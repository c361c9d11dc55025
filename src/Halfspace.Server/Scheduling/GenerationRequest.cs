using Halfspace.Runtime.Generation;

namespace Halfspace.Server.Scheduling;

/// <summary>What is to be generated, checked.</summary>
/// <param name="Prompt">All tokens of the prompt, at least one, and no more than a context holds.</param>
/// <param name="Options">How to generate.</param>
internal sealed record GenerationRequest(int[] Prompt, GenerationOptions Options)
{
    /// <summary>Whether each token's log-probability is wanted.</summary>
    public bool Logprobs { get; init; }

    /// <summary>How many of the likeliest tokens are wanted besides.</summary>
    public int TopLogprobs { get; init; }
}

/// <summary>A token and its natural log-probability.</summary>
internal readonly record struct TokenScore(int Token, float Logprob);

/// <summary>The token that was chosen, and the likeliest ones, likeliest first.</summary>
internal sealed record ScoredToken(TokenScore Chosen, TokenScore[] Top);

/// <summary>What a step added: text that may be empty, and in the last piece the totals.</summary>
internal readonly record struct AnswerPiece(string Text, ScoredToken? Score, AnswerTotals? Totals);

/// <summary>What an answer took.</summary>
/// <param name="Finish">Why it ended.</param>
/// <param name="PromptTokens">Tokens of the whole prompt.</param>
/// <param name="CachedTokens">Those of them that a context knew already.</param>
/// <param name="Tokens">Tokens generated.</param>
/// <param name="KeysPerHead">Keys that a head read exactly for a query while decoding, on average.</param>
/// <param name="ErrorEstimate">An estimate of a head's relative error, on average; no bound.</param>
/// <param name="Certificate">The bound of a head's relative error, on average.</param>
internal sealed record AnswerTotals(
    FinishReason Finish, int PromptTokens, int CachedTokens, int Tokens, double KeysPerHead, double ErrorEstimate, double Certificate);
