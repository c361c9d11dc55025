using Halfspace.Attention;
using Halfspace.Runtime.Generation;

namespace Halfspace.Server.Scheduling;

/// <summary>What is to be generated, checked.</summary>
/// <param name="Prompt">All tokens of the prompt, at least one, and no more than a context holds.</param>
/// <param name="Options">How to generate.</param>
/// <param name="Attention">How to attend while decoding.</param>
internal sealed record GenerationRequest(int[] Prompt, GenerationOptions Options, AttentionOptions Attention)
{
    /// <summary>The saved context that the prompt begins with, if there is one.</summary>
    public SavedOpening? Opening { get; init; }
}

/// <summary>What a step added: text that may be empty, tokens' probabilities if they were asked for, and in the last piece the
/// totals.</summary>
internal readonly record struct AnswerPiece(string Text, IReadOnlyList<TokenLogProbability> Tokens, AnswerTotals? Totals);

/// <summary>What an answer took.</summary>
/// <param name="Finish">Why it ended.</param>
/// <param name="PromptTokens">Tokens of the whole prompt.</param>
/// <param name="CachedTokens">Those of them that a context knew already.</param>
/// <param name="Tokens">Tokens generated.</param>
/// <param name="KeysPerHead">Keys that a head read exactly for a query while decoding, on average; 0 if nothing was decoded.</param>
/// <param name="ErrorEstimate">An estimate of a head's relative error, on average; no bound.</param>
/// <param name="Certificate">The bound of a head's relative error, on average.</param>
internal sealed record AnswerTotals(
    FinishReason Finish, int PromptTokens, int CachedTokens, int Tokens, double KeysPerHead, double ErrorEstimate, double Certificate);
