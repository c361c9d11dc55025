namespace Halfspace.Attention;

/// <summary>The rows of a group at one position.</summary>
/// <param name="head">Keys and values.</param>
/// <param name="queries">[group, d], so scaled that a dot product is compared with a bias.</param>
/// <param name="biases">[group].</param>
/// <param name="visible">Keys seen: those at positions below it.</param>
internal readonly ref struct ReluGroup(HeadCache head, ReadOnlySpan<float> queries, ReadOnlySpan<float> biases, int visible)
{
    public readonly HeadCache Head = head;

    public readonly ReadOnlySpan<float> Queries = queries, Biases = biases;

    public readonly int Visible = visible;

    /// <summary>Query heads.</summary>
    public int Rows => Biases.Length;
}
