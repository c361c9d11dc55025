namespace Halfspace.Attention;

/// <summary>Softmax over some keys: <paramref name="Max"/> m, <paramref name="Sum"/> Σ e^(sᵢ−m), <paramref name="Values"/> Σ e^(sᵢ−m)·vᵢ,
/// [d].
/// Up to rounding a commutative monoid whose identity is <c>default</c>. Key blocks, the window, the reported keys and the tail exchange
/// only this.</summary>
/// <param name="Max">m, in nats.</param>
/// <param name="Sum">Σ e^(sᵢ−m); 0 over no keys.</param>
/// <param name="Values">Σ e^(sᵢ−m)·vᵢ, [d]; unused while Sum is 0.</param>
public readonly record struct AttentionState(float Max, float Sum, ReadOnlyMemory<float> Values)
{
    /// <summary>Whether this is over no keys, or over keys that weigh nothing.</summary>
    public bool IsEmpty => Sum == 0;

    /// <summary>The state over the keys of both.</summary>
    /// <param name="other">A state over other keys.</param>
    /// <param name="into">[d]; may be either state's buffer; unused if one is empty.</param>
    /// <exception cref="ArgumentException"><paramref name="into"/> or a state's values are not [d].</exception>
    public AttentionState Merge(AttentionState other, Memory<float> into)
    {
        if (other.IsEmpty) return this;
        if (IsEmpty) return other;
        if (other.Values.Length != Values.Length || into.Length != Values.Length)
            throw new ArgumentException($"States of {Values.Length} and {other.Values.Length} values cannot merge into {into.Length}.",
                nameof(into));
        float max = MathF.Max(Max, other.Max);
        float a = MathF.Exp(Max - max), b = MathF.Exp(other.Max - max);
        ReadOnlySpan<float> x = Values.Span, y = other.Values.Span;
        Span<float> sums = into.Span;
        for (int c = 0; c < sums.Length; c++) sums[c] = (a * x[c]) + (b * y[c]);
        return new(max, (a * Sum) + (b * other.Sum), into);
    }

    /// <summary>Writes the attention output Σ wᵢ·vᵢ, wᵢ = e^(sᵢ−m) / Sum; zero over no keys.</summary>
    /// <param name="output">[d]; may be this state's buffer.</param>
    public void Normalise(Span<float> output)
    {
        if (IsEmpty)
        {
            output.Clear();
            return;
        }
        float scale = 1 / Sum;
        ReadOnlySpan<float> values = Values.Span;
        for (int c = 0; c < output.Length; c++) output[c] = values[c] * scale;
    }
}
