namespace Halfspace.Cli;

/// <summary>A saved context.</summary>
internal sealed record ContextReport
{
    public required string Name { get; init; }

    public required int Tokens { get; init; }

    public required long Bytes { get; init; }

    public DateTimeOffset? Created { get; init; }

    public string? Model { get; init; }

    /// <summary>Whether it has indexes for sparse attention.</summary>
    public bool? Index { get; init; }

    /// <summary>Its documents' length; null if it was saved without them.</summary>
    public int? Characters { get; init; }

    public string? System { get; init; }

    public bool? Raw { get; init; }

    /// <summary>Tokens that another saved context had read already; only when it is created.</summary>
    public int? ReusedTokens { get; init; }

    /// <summary>What creating it took.</summary>
    public double? Seconds { get; init; }

    /// <summary>True once every block was compared with its checksum.</summary>
    public bool? Verified { get; init; }

    /// <summary>Why it cannot be opened.</summary>
    public string? Damage { get; init; }
}

/// <summary>A context that was deleted.</summary>
internal sealed record ContextDeleted
{
    public required string Deleted { get; init; }
}
