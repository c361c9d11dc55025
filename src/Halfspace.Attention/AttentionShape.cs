namespace Halfspace.Attention;

/// <summary>The attention of a decoder: how many layers, heads and coordinates.</summary>
/// <param name="Layers">Decoder layers.</param>
/// <param name="QueryHeads">Query heads a layer; a multiple of <paramref name="KeyValueHeads"/>.</param>
/// <param name="KeyValueHeads">Key and value heads a layer.</param>
/// <param name="HeadDim">d, coordinates of a key, value or query; a multiple of 8.</param>
/// <exception cref="ArgumentException">A number is not positive, or does not divide as it must.</exception>
public readonly record struct AttentionShape(int Layers, int QueryHeads, int KeyValueHeads, int HeadDim)
{
    /// <summary>Decoder layers.</summary>
    public int Layers { get; } = Positive(Layers, nameof(Layers));

    /// <summary>Query heads a layer.</summary>
    public int QueryHeads { get; } = QueryHeads > 0 && KeyValueHeads > 0 && QueryHeads % KeyValueHeads != 0
        ? throw new ArgumentException($"{QueryHeads} query heads cannot share {KeyValueHeads} key and value heads evenly.",
            nameof(QueryHeads))
        : Positive(QueryHeads, nameof(QueryHeads));

    /// <summary>Key and value heads a layer.</summary>
    public int KeyValueHeads { get; } = Positive(KeyValueHeads, nameof(KeyValueHeads));

    /// <summary>d, coordinates of a key, value or query.</summary>
    public int HeadDim { get; } = HeadDim % 8 != 0
        ? throw new ArgumentException($"A head of {HeadDim} coordinates is not supported; it must be a multiple of 8.", nameof(HeadDim))
        : Positive(HeadDim, nameof(HeadDim));

    /// <summary>Query heads that share one key and value head.</summary>
    public int Group => QueryHeads / KeyValueHeads;

    private static int Positive(int value, string name) =>
        value > 0 ? value : throw new ArgumentOutOfRangeException(name, value, "An attention shape needs positive numbers.");
}
