using System.Numerics.Tensors;

namespace Halfspace.Server.Scheduling;

/// <summary>Log-probabilities of tokens under the model's own distribution, before temperature.</summary>
internal sealed class TokenScores(int vocabulary, int top)
{
    private readonly float[] _exp = new float[vocabulary];

    /// <summary>The chosen token's, and the likeliest tokens'.</summary>
    public ScoredToken Score(ReadOnlySpan<float> logits, int chosen)
    {
        float greatest = TensorPrimitives.Max(logits);
        TensorPrimitives.Subtract(logits, greatest, _exp);
        TensorPrimitives.Exp(_exp, _exp);
        double sum = 0;
        foreach (float e in _exp) sum += e;
        float log = greatest + (float)Math.Log(sum);
        return new ScoredToken(new TokenScore(chosen, logits[chosen] - log), Top(logits, log));
    }

    /// <summary>Insertion into a short list; of equal logits the lower id comes first.</summary>
    private TokenScore[] Top(ReadOnlySpan<float> logits, float log)
    {
        TokenScore[] best = new TokenScore[Math.Min(top, logits.Length)];
        int count = 0;
        for (int id = 0; id < logits.Length && best.Length > 0; id++)
        {
            float logprob = logits[id] - log;
            if (count == best.Length && logprob <= best[^1].Logprob) continue;
            int at = count < best.Length ? count++ : count - 1;
            for (; at > 0 && best[at - 1].Logprob < logprob; at--) best[at] = best[at - 1];
            best[at] = new TokenScore(id, logprob);
        }

        return best;
    }
}
