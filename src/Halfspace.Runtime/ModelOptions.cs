namespace Halfspace.Runtime;

/// <summary>How a model is loaded.</summary>
public sealed record ModelOptions
{
    /// <summary>Threads for one run of the model, the caller's among them; 0 takes the machine's processors.</summary>
    public int Threads { get; init; }

    /// <summary>Replaces the model's own RoPE scaling: <c>linear:F</c>, <c>ntk:F</c>, <c>yarn:F</c> or <c>none</c>; null keeps it.</summary>
    public string? RopeScaling { get; init; }

    /// <summary>How dense products are computed.</summary>
    public Arithmetic Arithmetic { get; init; }

    /// <summary>Where prepacked weights are kept; null takes the user's cache folder.</summary>
    public string? CacheDirectory { get; init; }
}
