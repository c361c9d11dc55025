namespace Halfspace.Runtime.Saved;

/// <summary>What is known of a saved context without a model.</summary>
public sealed record SavedContext
{
    /// <summary>Its name in its <see cref="ContextStore"/>.</summary>
    public required string Name { get; init; }

    /// <summary>The size of its file.</summary>
    public required long Bytes { get; init; }

    /// <summary>Tokens it has read.</summary>
    public int Tokens { get; init; }

    /// <summary>When it was saved.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>The name of its model.</summary>
    public string Model { get; init; } = "";

    /// <summary>What its prompts begin with, if it was saved with it.</summary>
    public ContextDocument? Document { get; init; }

    /// <summary>Whether it has indexes for sparse attention; else opening it for that makes them.</summary>
    public bool HasIndex { get; init; }

    /// <summary>Why it cannot be opened, as a sentence; null if its front is sound. Blocks are only checked by <see cref="ContextStore.Verify"/>
    /// and before they are used.</summary>
    public string? Damage { get; init; }
}

/// <summary>A context that was created, and how many of its tokens another saved one had read already.</summary>
/// <param name="Context">The context.</param>
/// <param name="ReusedTokens">Tokens at its beginning that were not read again.</param>
public sealed record CreatedContext(SavedContext Context, int ReusedTokens);
