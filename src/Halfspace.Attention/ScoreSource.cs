namespace Halfspace.Attention;

/// <summary>Where the scores of the index come from. Reported keys are always scored exactly.</summary>
public enum ScoreSource
{
    /// <summary>4-bit sketches of the keys: an eighth of the memory, scores off by about 0.3 nats.</summary>
    Sketch,

    /// <summary>The keys themselves: a dense scan, for certificates that are tight and for comparison.</summary>
    Exact,
}
