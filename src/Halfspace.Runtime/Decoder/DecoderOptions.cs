namespace Halfspace.Runtime.Decoder;

/// <summary>How a decoder is loaded.</summary>
public sealed record DecoderOptions
{
    /// <summary>Threads for one run of the graph, the caller's among them; 0 takes the machine's processors.</summary>
    public int Threads { get; init; }

    /// <summary>How dense products are computed.</summary>
    public Arithmetic Arithmetic { get; init; }

    /// <summary>Where prepacked weights are kept; null takes <see cref="PrepackedCache.DefaultDirectory"/>.</summary>
    public string? CacheDirectory { get; init; }
}
