namespace Halfspace.Attention;

/// <summary>What a query head did in one step.</summary>
/// <param name="Keys">Keys read exactly: those reported and the recent window.</param>
/// <param name="Visible">Keys that dense attention would read.</param>
/// <param name="Threshold">b, in nats; NaN where it attended densely. Of policies that choose it from the scan, at most the largest score in the
/// index.</param>
/// <param name="TailMass">The share of the weights that fell to keys which were not read, as estimated.</param>
/// <param name="Certificate">A bound of the output's relative error; 0 where it attended densely.</param>
public readonly record struct TracedHead(int Keys, int Visible, double Threshold, double TailMass, double Certificate)
{
    /// <summary>Whether it read every key.</summary>
    public bool IsDense => double.IsNaN(Threshold);
}

/// <summary>What became of a row of a sparse step.</summary>
internal readonly record struct TracedRow(float Threshold, double TailMass, double Certificate);
