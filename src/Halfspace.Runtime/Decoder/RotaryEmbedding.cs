using System.Numerics;
namespace Halfspace.Runtime.Decoder;

/// <summary>Turns the pairs of a query or key by angles that grow with its position (RoPE, arXiv 2104.09864).</summary>
public sealed class RotaryEmbedding
{
    private readonly RotaryPairing _pairing;
    private readonly double[] _frequencies;
    private readonly double _magnitude;

    /// <summary>Computes each pair's frequency.</summary>
    public RotaryEmbedding(RotaryOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _pairing = options.Pairing;
        Dimensions = options.Dimensions;
        _frequencies = new double[Dimensions / 2];
        _magnitude = options.AttentionFactor;
        double theta = options.Scaling == RotaryScaling.Ntk && Dimensions > 2
            ? options.Base * Math.Pow(options.Factor, Dimensions / (Dimensions - 2.0)) : options.Base;
        for (int i = 0; i < _frequencies.Length; i++)
        {
            double frequency = Math.Pow(theta, -2.0 * i / Dimensions);
            if (options.FrequencyFactors.Count > 0) frequency /= options.FrequencyFactors[i];
            _frequencies[i] = options.Scaling switch
            {
                RotaryScaling.Linear => frequency / options.Factor,
                RotaryScaling.Yarn => Yarn(frequency, i, options),
                _ => frequency,
            };
        }

        if (options.Scaling == RotaryScaling.Yarn) _magnitude *= 1 + 0.1 * Math.Log(options.Factor);
    }

    /// <summary>Rotated coordinates, twice the number of pairs.</summary>
    public int Dimensions { get; }

    /// <summary>The cosine and sine of each pair's angle at a position, each [Dimensions / 2], scaled by YaRN's magnitude if it has one.</summary>
    public void Angles(int position, Span<float> cosines, Span<float> sines)
    {
        for (int i = 0; i < _frequencies.Length; i++)
        {
            (double sine, double cosine) = Math.SinCos(position * _frequencies[i]);
            cosines[i] = (float)(cosine * _magnitude);
            sines[i] = (float)(sine * _magnitude);
        }
    }

    /// <summary>Rotates one head's vector, [d]; coordinates from <see cref="Dimensions"/> on are copied.</summary>
    public void Rotate(ReadOnlySpan<float> source, ReadOnlySpan<float> cosines, ReadOnlySpan<float> sines, Span<float> destination)
    {
        int half = Dimensions / 2, i = 0;
        int step = _pairing == RotaryPairing.Adjacent ? 2 : 1, partner = _pairing == RotaryPairing.Adjacent ? 1 : half;
        if (step == 1)
        {
            for (; i <= half - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector<float> x = new(source[i..]), y = new(source[(i + half)..]), cosine = new(cosines[i..]), sine = new(sines[i..]);
                ((x * cosine) - (y * sine)).CopyTo(destination[i..]);
                ((x * sine) + (y * cosine)).CopyTo(destination[(i + half)..]);
            }
        }
        for (; i < half; i++)
        {
            int at = i * step;
            float x = source[at], y = source[at + partner];
            destination[at] = x * cosines[i] - y * sines[i];
            destination[at + partner] = x * sines[i] + y * cosines[i];
        }

        source[Dimensions..].CopyTo(destination[Dimensions..]);
    }

    private static double Yarn(double frequency, int pair, RotaryOptions options)
    {
        // A pair that turns more than 32 times within the original context is kept, one that turns less than once is interpolated.
        double Pair(double turns) =>
            options.Dimensions * Math.Log(options.OriginalContext / (turns * 2 * Math.PI)) / (2 * Math.Log(options.Base));
        double low = Math.Max(0, Math.Floor(Pair(32))), high = Math.Min(options.Dimensions - 1, Math.Ceiling(Pair(1)));
        double kept = 1 - Math.Clamp((pair - low) / Math.Max(0.001, high - low), 0, 1);
        return frequency / options.Factor * (1 - kept) + frequency * kept;
    }
}
