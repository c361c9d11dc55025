using System.Numerics.Tensors;
using System.Text;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Generation;

/// <summary>Reads log probabilities off logits.</summary>
internal sealed class LogProbabilityReader
{
    private const int Piece = 1024;

    private readonly Tokenizer _tokenizer;
    private readonly int[] _best;

    public LogProbabilityReader(Tokenizer tokenizer, int alternatives)
    {
        if (alternatives is < 0 or > GenerationOptions.MaxTopLogProbabilities)
            throw new ModelException($"The log probabilities of {alternatives} alternatives cannot be given; ask for 0 to {GenerationOptions.MaxTopLogProbabilities}.");
        _tokenizer = tokenizer;
        _best = new int[Math.Min(alternatives, tokenizer.VocabularySize)];
    }

    /// <summary>The probability of a token, and the likeliest ones.</summary>
    public TokenLogProbability Read(ReadOnlySpan<float> logits, int token)
    {
        float norm = LogSumExp(logits);
        SelectBest(logits);
        TokenLogProbability[] alternatives = new TokenLogProbability[_best.Length];
        for (int i = 0; i < alternatives.Length; i++) alternatives[i] = One(logits, _best[i], norm, []);
        return One(logits, token, norm, alternatives);
    }

    private TokenLogProbability One(ReadOnlySpan<float> logits, int token, float norm, IReadOnlyList<TokenLogProbability> alternatives)
    {
        byte[] bytes = _tokenizer.TokenBytes(token).ToArray();
        return new(token, Encoding.UTF8.GetString(bytes), bytes, Math.Min(0, logits[token] - norm), alternatives);
    }

    private static float LogSumExp(ReadOnlySpan<float> logits)
    {
        float greatest = TensorPrimitives.Max(logits);
        Span<float> weights = stackalloc float[Piece];
        double sum = 0;
        for (int i = 0; i < logits.Length; i += Piece)
        {
            ReadOnlySpan<float> some = logits.Slice(i, Math.Min(Piece, logits.Length - i));
            TensorPrimitives.Subtract(some, greatest, weights);
            TensorPrimitives.Exp(weights[..some.Length], weights);
            sum += TensorPrimitives.Sum<float>(weights[..some.Length]);
        }

        return greatest + (float)Math.Log(sum);
    }

    /// <summary>The greatest logits' tokens, greatest first; of equal ones the lower id.</summary>
    private void SelectBest(ReadOnlySpan<float> logits)
    {
        int held = 0;
        for (int id = 0; id < logits.Length && _best.Length > 0; id++)
        {
            if (held == _best.Length && logits[id] <= logits[_best[held - 1]]) continue;
            int place = held < _best.Length ? held++ : held - 1;
            for (; place > 0 && logits[id] > logits[_best[place - 1]]; place--) _best[place] = _best[place - 1];
            _best[place] = id;
        }
    }
}
