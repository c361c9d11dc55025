using Halfspace.Runtime.Generation;

namespace Halfspace.Server.OpenAi;

/// <summary>Log-probabilities in OpenAI's form.</summary>
internal static class Logprobs
{
    /// <summary>A chat's; null if there are none.</summary>
    public static ChatLogprobs? Of(IReadOnlyCollection<TokenLogProbability> tokens) => tokens.Count == 0 ? null : new ChatLogprobs(
    [
        .. tokens.Select(token => new TokenLogprob(token.Text, token.LogProbability, Bytes(token),
            [.. token.Alternatives.Select(top => new TopLogprob(top.Text, top.LogProbability, Bytes(top)))])),
    ]);

    /// <summary>A completion's, whose tokens begin at a place of the answer's text; null if there are none.</summary>
    public static CompletionLogprobs? Of(IReadOnlyList<TokenLogProbability> tokens, ref int offset)
    {
        if (tokens.Count == 0) return null;
        int[] offsets = new int[tokens.Count];
        Dictionary<string, float>[] tops = new Dictionary<string, float>[tokens.Count];
        for (int i = 0; i < tokens.Count; i++)
        {
            offsets[i] = offset;
            offset += tokens[i].Text.Length;
            tops[i] = [];
            // Parts of characters may look alike; the likelier one stays.
            foreach (TokenLogProbability top in tokens[i].Alternatives) tops[i].TryAdd(top.Text, top.LogProbability);
        }

        return new CompletionLogprobs([.. tokens.Select(token => token.Text)], [.. tokens.Select(token => token.LogProbability)], tops,
            offsets);
    }

    private static int[] Bytes(TokenLogProbability token) => Array.ConvertAll(token.Bytes.ToArray(), b => (int)b);
}
