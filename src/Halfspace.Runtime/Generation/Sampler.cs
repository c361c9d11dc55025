using System.Numerics.Tensors;

namespace Halfspace.Runtime.Generation;

/// <summary>Chooses the next token from the model's logits as <see cref="SamplingOptions"/> says. Buffers are made once, so a token
/// allocates nothing. For one thread.</summary>
/// <remarks>The same options, seed, prompt and logits give the same tokens on every machine, but for a draw that falls within the last bit
/// of an exponential, which processors may round differently.</remarks>
public sealed class Sampler
{
    private const int FirstTried = 64;

    private readonly SamplingOptions _options;
    private readonly float[] _penalised;
    private float[] _allowed = [];
    private readonly float[] _weights;
    private readonly SamplingCandidates? _candidates;
    private readonly int[] _window;
    private int _seen;
    private SamplingRandom _random;

    /// <summary>A sampler for logits of a vocabulary.</summary>
    /// <exception cref="ModelException">An option is outside its range.</exception>
    public Sampler(SamplingOptions options, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabularySize);
        options.Validate();
        _options = options;
        VocabularySize = vocabularySize;
        bool penalises = options.RepetitionPenalty != 1;
        _window = new int[penalises ? options.RepetitionWindow : 0];
        _penalised = new float[penalises ? vocabularySize : 0];
        bool draws = options.Temperature > 0;
        _weights = new float[draws ? vocabularySize : 0];
        _candidates = draws && (options.TopK > 0 || options.TopP < 1) ? new(vocabularySize) : null;
        Seed = options.Seed ?? (ulong)Random.Shared.NextInt64(long.MaxValue);
        _random = new(Seed);
    }

    /// <summary>How many logits there are at each step.</summary>
    public int VocabularySize { get; }

    /// <summary>The seed in use, given or drawn.</summary>
    public ulong Seed { get; }

    /// <summary>Tells the repetition penalty of tokens that were not sampled here, such as the prompt's.</summary>
    public void Accept(ReadOnlySpan<int> ids)
    {
        foreach (int id in ids)
            Accept(id);
    }

    /// <summary>Chooses a token and remembers it for the repetition penalty. Of equally likely tokens greedy takes the lowest id.</summary>
    /// <param name="logits">[VocabularySize]; −∞ rules a token out.</param>
    /// <exception cref="ArgumentException">There are more or fewer logits than tokens.</exception>
    /// <exception cref="ArithmeticException">A logit is NaN or +∞, or every one is −∞.</exception>
    public int Sample(ReadOnlySpan<float> logits)
    {
        if (logits.Length != VocabularySize)
            throw new ArgumentException($"There are {logits.Length} logits for {VocabularySize} tokens.", nameof(logits));
        if (_seen > 0)
            logits = Penalise(logits);
        int likeliest = TensorPrimitives.IndexOfMax(logits); // a NaN counts as the greatest
        if (!float.IsFinite(logits[likeliest]))
            throw NotNumbers(logits[likeliest], likeliest);
        int id = _options.Temperature > 0 ? Draw(logits, logits[likeliest]) : likeliest;
        Accept(id);
        return id;
    }

    /// <summary>Chooses among some tokens.</summary>
    /// <param name="logits">[VocabularySize].</param>
    /// <param name="allowed">A bit for each token: word t / 64, bit t mod 64.</param>
    /// <exception cref="ArithmeticException">A logit is NaN or +∞, or every allowed one is −∞.</exception>
    internal int Sample(ReadOnlySpan<float> logits, ReadOnlySpan<ulong> allowed)
    {
        if (_allowed.Length < logits.Length) _allowed = new float[logits.Length];
        for (int word = 0; word * 64 < logits.Length; word++)
        {
            int start = word * 64, length = Math.Min(64, logits.Length - start);
            ulong bits = allowed[word];
            Span<float> some = _allowed.AsSpan(start, length);
            if (bits == 0)
            {
                some.Fill(float.NegativeInfinity);
                continue;
            }

            for (int i = 0; i < length; i++) some[i] = (bits >> i & 1) != 0 ? logits[start + i] : float.NegativeInfinity;
        }

        return Sample(_allowed.AsSpan(0, logits.Length));
    }

    private static ArithmeticException NotNumbers(float logit, int id) => new(
        float.IsNegativeInfinity(logit)
            ? "Every logit is −∞, so that no token can be chosen; the model's weights or its input are damaged."
            : $"The logit of token {id} is {logit}, which is not a finite number; the model's weights or its input are damaged.");

    private void Accept(int id)
    {
        if ((uint)id >= (uint)VocabularySize)
            throw new ArgumentOutOfRangeException(nameof(id), id, $"Token ids are 0 to {VocabularySize - 1}.");
        if (_window.Length == 0)
            return;
        _window[_seen % _window.Length] = id;
        _seen = _seen + 1 < 2 * (long)_window.Length ? _seen + 1 : _window.Length; // only its remainder and "full" matter
    }

    private ReadOnlySpan<float> Penalise(ReadOnlySpan<float> logits)
    {
        logits.CopyTo(_penalised);
        float penalty = _options.RepetitionPenalty;
        foreach (int id in _window.AsSpan(0, Math.Min(_seen, _window.Length)))
            _penalised[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty; // of the original: once, however often it came
        return _penalised;
    }

    private int Draw(ReadOnlySpan<float> logits, float greatest)
    {
        TensorPrimitives.Subtract(logits, greatest, _weights);
        TensorPrimitives.Divide(_weights, _options.Temperature, _weights);
        TensorPrimitives.Exp(_weights, _weights);
        if (_options.MinP > 0)
        {
            foreach (ref float weight in _weights.AsSpan())
                weight = weight < _options.MinP ? 0 : weight;
        }

        if (_candidates is null)
            return PickAny();
        ReadOnlySpan<ulong> kept = _options.TopK > 0 ? TopK(logits, out double mass) : TopP(logits, out mass);
        return PickOne(kept, mass);
    }

    /// <summary>The k likeliest, and of them those that top-p keeps.</summary>
    private ReadOnlySpan<ulong> TopK(ReadOnlySpan<float> logits, out double mass)
    {
        ReadOnlySpan<ulong> kept = _candidates!.Greatest(logits, _weights, Math.Min(_options.TopK, VocabularySize));
        kept = kept[..Math.Min(_options.TopK, kept.Length)];
        mass = 0;
        foreach (ulong candidate in kept)
            mass += Weight(candidate);
        return _options.TopP < 1 ? Nucleus(kept, _options.TopP * mass, out mass) : kept;
    }

    /// <summary>The fewest likeliest whose share is top-p; they are few as a rule, so a few are tried first.</summary>
    private ReadOnlySpan<ulong> TopP(ReadOnlySpan<float> logits, out double mass)
    {
        double all = 0;
        foreach (float weight in _weights)
            all += weight;
        for (long wanted = FirstTried; ; wanted *= 8)
        {
            int tried = (int)Math.Min(wanted, VocabularySize);
            ReadOnlySpan<ulong> nucleus = Nucleus(_candidates!.Greatest(logits, _weights, tried), _options.TopP * all, out mass);
            if (mass >= _options.TopP * all || tried == VocabularySize)
                return nucleus;
        }
    }

    private ReadOnlySpan<ulong> Nucleus(ReadOnlySpan<ulong> sorted, double wanted, out double mass)
    {
        mass = 0;
        int count = 0;
        while (count < sorted.Length && mass < wanted)
            mass += Weight(sorted[count++]);
        return sorted[..count];
    }

    private float Weight(ulong candidate) => _weights[SamplingCandidates.Id(candidate)];

    private int PickOne(ReadOnlySpan<ulong> kept, double mass)
    {
        double left = _random.NextDouble() * mass;
        int last = 0;
        while (last < kept.Length - 1 && (left -= Weight(kept[last])) >= 0)
            last++;
        return SamplingCandidates.Id(kept[last]);
    }

    private int PickAny()
    {
        double mass = 0;
        foreach (float weight in _weights)
            mass += weight;
        double left = _random.NextDouble() * mass;
        int last = 0;
        for (int id = 0; id < _weights.Length && left >= 0; id++)
        {
            if (_weights[id] == 0)
                continue;
            last = id; // rounding must not end at a token of weight 0
            left -= _weights[id];
        }

        return last;
    }
}
