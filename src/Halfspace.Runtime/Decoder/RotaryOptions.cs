using System.Globalization;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Decoder;

/// <summary>How a rotation's pairs are chosen.</summary>
public enum RotaryPairing
{
    /// <summary>Coordinates 2i and 2i + 1 (llama, halfspace-relu).</summary>
    Adjacent,

    /// <summary>Coordinates i and i + half (qwen2, qwen3).</summary>
    Halves,
}

/// <summary>How positions beyond the trained context are brought into it.</summary>
public enum RotaryScaling
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Positions divided by the factor.</summary>
    Linear,

    /// <summary>A larger base: base · factor^(n / (n − 2)) over n rotated coordinates; fast pairs are left alone.</summary>
    Ntk,

    /// <summary>YaRN (arXiv 2309.00071): slow pairs interpolated, fast ones kept, a ramp between, scores sharpened.</summary>
    Yarn,
}

/// <summary>Rotary position embedding as a model defines it.</summary>
public sealed record RotaryOptions
{
    /// <summary>Which coordinates form a pair.</summary>
    public RotaryPairing Pairing { get; init; }

    /// <summary>The leading coordinates of a head that are rotated; the rest pass.</summary>
    public required int Dimensions { get; init; }

    /// <summary>Pair i turns by position · Base^(−2i / Dimensions).</summary>
    public double Base { get; init; } = 10_000;

    /// <summary>The kind of scaling.</summary>
    public RotaryScaling Scaling { get; init; }

    /// <summary>The scaling's factor, at least 1: the context grows by it.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>The context before scaling, in tokens; YaRN's ramp depends on it.</summary>
    public required int OriginalContext { get; init; }

    /// <summary>Multiplies the rotated vectors beside YaRN's own sharpening.</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>Each pair's frequency is divided by its entry (<c>rope_freqs.weight</c>); empty for none. [Dimensions / 2]</summary>
    public IReadOnlyList<float> FrequencyFactors { get; init; } = [];

    /// <summary>The same rotation with another scaling, given as <c>TYPE:FACTOR</c> (types linear, ntk and yarn) or <c>none</c>.</summary>
    /// <exception cref="ModelException">The text is none of these.</exception>
    public RotaryOptions WithScaling(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        if (parts is ["none"]) return this with { Scaling = RotaryScaling.None, Factor = 1 };
        if (parts.Length == 2 && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double factor) && factor is >= 1 and <= 1024)
        {
            RotaryScaling? scaling = parts[0] switch { "linear" => RotaryScaling.Linear, "ntk" => RotaryScaling.Ntk, "yarn" => RotaryScaling.Yarn, _ => null };
            if (scaling is { } kind) return this with { Scaling = kind, Factor = factor };
        }

        throw new ModelException($"RoPE scaling '{text}' is not understood; write linear:FACTOR, ntk:FACTOR or yarn:FACTOR with a factor from 1 to 1024, or none.");
    }

    internal static RotaryOptions From(GgufFile file, string architecture, int headDim, int trainedContext)
    {
        GgufMetadata m = file.Metadata;
        string prefix = architecture + ".rope.";
        int dimensions = checked((int)m.GetInt64(prefix + "dimension_count", headDim));
        if (dimensions < 0 || dimensions > headDim || dimensions % 2 != 0)
            throw new ModelException($"{file.Name}: {prefix}dimension_count is {dimensions}; it must be even and at most the head's {headDim}.");
        double theta = m.GetFloat(prefix + "freq_base", 10_000f);
        if (!(theta > 1) || double.IsInfinity(theta))
            throw new ModelException($"{file.Name}: {prefix}freq_base is {theta}; it must be a finite number above 1.");
        string kind = m.GetString(prefix + "scaling.type", null) ?? (m.Contains(prefix + "scale_linear") ? "linear" : "none");
        RotaryScaling scaling = kind switch
        {
            "none" or "" => RotaryScaling.None,
            "linear" => RotaryScaling.Linear,
            "yarn" => RotaryScaling.Yarn,
            _ => throw new ModelException($"{file.Name}: {prefix}scaling.type '{kind}' is not supported; use a model with none, linear or yarn."),
        };
        double factor = m.GetFloat(prefix + "scaling.factor", m.GetFloat(prefix + "scale_linear", 1f));
        if (factor == 0) factor = 1;
        if (!(factor is >= 1 and <= 1024))
            throw new ModelException($"{file.Name}: {prefix}scaling.factor is {factor}; it must be between 1 and 1024.");
        float[] factors = [];
        if (file.Tensors.TryGetValue("rope_freqs.weight", out GgufTensor? tensor))
        {
            if (tensor.ElementCount != dimensions / 2)
                throw new ModelException($"{file.Name}: rope_freqs.weight has {tensor.ElementCount} numbers; {dimensions / 2} pairs are rotated.");
            factors = new float[dimensions / 2];
            Dequantizer.Dequantize(tensor.Type, tensor.Data, factors);
            if (factors.Any(f => !(f > 0) || float.IsInfinity(f)))
                throw new ModelException($"{file.Name}: rope_freqs.weight holds a number that is not positive and finite.");
        }

        return new RotaryOptions
        {
            Pairing = architecture is "llama" or ModelConfig.ReluArchitecture ? RotaryPairing.Adjacent : RotaryPairing.Halves,
            Dimensions = dimensions,
            Base = theta,
            Scaling = factor == 1 ? RotaryScaling.None : scaling,
            Factor = factor,
            OriginalContext = checked((int)m.GetInt64(prefix + "scaling.original_context_length", trainedContext)),
            AttentionFactor = m.GetFloat(prefix + "scaling.attn_factor", 1f),
            FrequencyFactors = factors,
        };
    }
}
