using System.Text;
using Halfspace.Runtime.Tokenization;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi;

/// <summary>Log-probabilities in OpenAI's form.</summary>
internal static class Logprobs
{
    /// <summary>A chat's.</summary>
    public static TokenLogprob Of(ScoredToken score, Tokenizer tokenizer) => new(
        Text(score.Chosen, tokenizer), score.Chosen.Logprob, Bytes(score.Chosen, tokenizer),
        [.. score.Top.Select(top => new TopLogprob(Text(top, tokenizer), top.Logprob, Bytes(top, tokenizer)))]);

    /// <summary>A completion's, whose tokens begin at a place of the answer's text.</summary>
    public static CompletionLogprobs Of(IReadOnlyList<ScoredToken> scores, Tokenizer tokenizer, ref int offset)
    {
        int[] offsets = new int[scores.Count];
        Dictionary<string, float>[] tops = new Dictionary<string, float>[scores.Count];
        for (int i = 0; i < scores.Count; i++)
        {
            offsets[i] = offset;
            offset += Text(scores[i].Chosen, tokenizer).Length;
            tops[i] = [];
            // Parts of characters may look alike; the likelier one stays.
            foreach (TokenScore top in scores[i].Top) tops[i].TryAdd(Text(top, tokenizer), top.Logprob);
        }

        return new CompletionLogprobs([.. scores.Select(score => Text(score.Chosen, tokenizer))], [.. scores.Select(score => score.Chosen.Logprob)], tops, offsets);
    }

    private static string Text(TokenScore score, Tokenizer tokenizer) => Encoding.UTF8.GetString(tokenizer.TokenBytes(score.Token));

    private static int[] Bytes(TokenScore score, Tokenizer tokenizer) => Array.ConvertAll(tokenizer.TokenBytes(score.Token).ToArray(), b => (int)b);
}
