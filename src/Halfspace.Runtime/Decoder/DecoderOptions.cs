namespace Halfspace.Runtime.Decoder;

/// <summary>How a decoder is loaded.</summary>
public sealed record DecoderOptions
{
    /// <summary>Threads for one run of the graph, the caller's among them; 0 takes the machine's processors.</summary>
    public int Threads { get; init; }

    /// <summary>Dequantises all weights and computes in float: slow and large, for comparisons.</summary>
    public bool FloatWeights { get; init; }

    /// <summary>Where prepacked weights are kept; null takes <see cref="PrepackedCache.DefaultDirectory"/>.</summary>
    public string? CacheDirectory { get; init; }
}
