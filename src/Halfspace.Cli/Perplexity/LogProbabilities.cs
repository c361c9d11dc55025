using System.Numerics.Tensors;
using Halfspace.Runtime;

namespace Halfspace.Cli.Perplexity;

/// <summary>A row of logits as log-probabilities in double, x − ln Σ eˣ; the buffer serves row after row.</summary>
internal sealed class LogProbabilities
{
    private double[] _values = [], _work = [];
    private float[] _single = [];

    /// <summary>The likeliest token.</summary>
    public int Top { get; private set; }

    /// <summary>Takes a row.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <exception cref="ModelException">A logit is not finite.</exception>
    public void Set(ReadOnlySpan<float> logits)
    {
        if (_values.Length != logits.Length)
        {
            _values = new double[logits.Length];
            _work = new double[logits.Length];
            _single = new float[logits.Length];
        }

        Top = TensorPrimitives.IndexOfMax(logits);
        double max = logits[Top];
        TensorPrimitives.ConvertTruncating<float, double>(logits, _values);
        TensorPrimitives.Subtract<double>(_values, max, _values);
        TensorPrimitives.Exp<double>(_values, _work);
        double logSum = Math.Log(TensorPrimitives.Sum<double>(_work));
        if (!double.IsFinite(logSum))
            throw new ModelException("The model's logits are not finite, so the text cannot be scored; the file is probably damaged.");
        TensorPrimitives.Subtract<double>(_values, logSum, _values);
    }

    /// <summary>ln p of a token.</summary>
    public double LogProbability(int token) => _values[token];

    /// <summary>All of them, rounded to float16.</summary>
    public Half[] ToHalf()
    {
        Half[] rounded = new Half[_values.Length];
        TensorPrimitives.ConvertSaturating<double, float>(_values, _single);
        TensorPrimitives.ConvertToHalf(_single, rounded);
        return rounded;
    }

    /// <summary>KL(this‖other) = Σ p (ln p − ln q), in nats.</summary>
    /// <param name="other">ln q.</param>
    public double Divergence(ReadOnlySpan<Half> other)
    {
        TensorPrimitives.ConvertToSingle(other, _single);
        TensorPrimitives.ConvertTruncating<float, double>(_single, _work);
        TensorPrimitives.Subtract<double>(_values, _work, _work);
        // p is computed anew rather than kept: a third buffer would only cost cache.
        double sum = 0;
        Span<double> block = stackalloc double[256];
        for (int i = 0; i < _values.Length; i += block.Length)
        {
            int n = Math.Min(block.Length, _values.Length - i);
            TensorPrimitives.Exp<double>(_values.AsSpan(i, n), block);
            sum += TensorPrimitives.Dot<double>(block[..n], _work.AsSpan(i, n));
        }

        return sum;
    }
}
