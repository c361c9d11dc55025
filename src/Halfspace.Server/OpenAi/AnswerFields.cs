using Halfspace.Runtime.Generation;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi;

/// <summary>What every kind of answer says of itself.</summary>
internal static class AnswerFields
{
    /// <summary>A new name for an answer.</summary>
    public static string NewId(string prefix) => prefix + Guid.NewGuid().ToString("N");

    /// <summary>The reason in OpenAI's words.</summary>
    public static string Finish(AnswerTotals totals) => totals.Finish == FinishReason.Stop ? "stop" : "length";

    /// <summary>What it took.</summary>
    public static Usage Usage(AnswerTotals totals) => new(totals.PromptTokens, totals.Tokens, totals.PromptTokens + totals.Tokens,
        new PromptTokensDetails(totals.CachedTokens));

    /// <summary>How it attended.</summary>
    public static HalfspaceReport Report(AnswerTotals totals, string? context) =>
        new(context, totals.KeysPerHead, totals.ErrorEstimate, totals.Certificate);
}
