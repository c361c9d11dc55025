namespace Halfspace.Cli.Bench.Attention;

/// <summary>One way to compute a layer's attention for one query position, over several sets of keys.</summary>
/// <param name="name">Its name in reports.</param>
/// <param name="sets">The sets.</param>
internal abstract class LayerKernel(string name, IReadOnlyList<LayerSet> sets) : IDisposable
{
    /// <summary>Its name in reports.</summary>
    public string Name { get; } = name;

    /// <summary>The sets of keys.</summary>
    public IReadOnlyList<LayerSet> Sets { get; } = sets;

    /// <summary>What the last call computed, [query heads, d].</summary>
    public float[] Output { get; } = new float[LayerSet.QueryHeads * LayerSet.Dim];

    /// <summary>Keys that a query head attended to exactly in the calls that count, on average; null for all visible.</summary>
    public virtual double? KeysReported => null;

    /// <summary>The mean certified bound of the relative error in these calls; null where there is none.</summary>
    public virtual double? CertificateMean => null;

    /// <summary>Wakes the threads.</summary>
    public virtual void Open()
    {
    }

    /// <summary>Puts them to sleep.</summary>
    public virtual void Close()
    {
    }

    /// <summary>Adds a position's keys and values and attends to those up to it.</summary>
    /// <param name="set">Which set.</param>
    /// <param name="j">The decoding position, from 0. One after the other is the fast way.</param>
    public abstract void Decode(int set, int j);

    /// <summary>Whether what was done since the last time counts.</summary>
    public virtual void Count(bool keep)
    {
    }

    /// <summary>Bytes of keys and values that a call must take from memory when so many keys are visible.</summary>
    public abstract double Bytes(double visible);

    /// <inheritdoc/>
    public abstract void Dispose();
}
