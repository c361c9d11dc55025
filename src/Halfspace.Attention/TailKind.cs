namespace Halfspace.Attention;

/// <summary>What stands for the keys that are not reported.</summary>
public enum TailKind
{
    /// <summary>In each cluster the mean of their values and its trend along the score; for the rows of a prompt that read together, a sample.</summary>
    Affine,

    /// <summary>In each cluster the mean of their values.</summary>
    Mean,

    /// <summary>Nothing: the softmax of the reported keys alone, as in the paper and in every top-k method.</summary>
    None,
}
