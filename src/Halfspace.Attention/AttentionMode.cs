namespace Halfspace.Attention;

/// <summary>Whether a query attends to every visible key.</summary>
public enum AttentionMode
{
    /// <summary>Every visible key, exactly.</summary>
    Dense,

    /// <summary>The keys in a half-space exactly, the rest through the tail model; dense while a context is short.</summary>
    Sparse,
}
