namespace Halfspace.Attention;

/// <summary>How heads attend.</summary>
public sealed record AttentionOptions
{
    /// <summary>The most <see cref="Clusters"/>.</summary>
    public const int MostClusters = 32;

    /// <summary>Dense or sparse.</summary>
    public AttentionMode Mode
    {
        get;
        init => field = Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Mode), value, "Attention is either dense or sparse.");
    }
    = AttentionMode.Sparse;

    /// <summary>Which keys of the index a sparse row attends to exactly.</summary>
    public AttentionPolicy Policy
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Policy));
    }
    = new AttentionPolicy.Paper(0.5);

    /// <summary>The first tokens of a context, always attended exactly.</summary>
    public int Sinks
    {
        get;
        init => field = value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Sinks), value, "The number of sink tokens cannot be negative.");
    }
    = 4;

    /// <summary>The last tokens before and with the row's own, always attended exactly; up to 15 more are, as the index grows by
    /// 16.</summary>
    public int Window
    {
        get;
        init => field = value >= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Window), value, "The recent window must hold at least the row's own token.");
    }
    = 64;

    /// <summary>Parts that a head's index is cut into, each with a tail model of its own; twice as many from 8,192 tokens on, and again at four times
    /// as many. More follow the values more closely and cost more.</summary>
    public int Clusters
    {
        get;
        init => field = value is >= 1 and <= MostClusters
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Clusters), value, $"An index has 1 to {MostClusters} clusters.");
    }
    = 8;

    /// <summary>Indexed tokens from which many rows at once, a prompt's, attend sparsely where <see cref="Mode"/> says so: below it a dense tile is the faster
    /// one.</summary>
    public int PromptFrom
    {
        get;
        init => field = value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(PromptFrom), value, "A number of tokens cannot be negative.");
    }
    = 2 << 10;

    /// <summary>What stands for the keys that are not reported.</summary>
    public TailKind Tail
    {
        get;
        init => field = Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Tail), value, "A tail is affine, the mean, or none.");
    }
    = TailKind.Affine;

    /// <summary>What finds the keys to report and sums the tail.</summary>
    public ScoreSource Scores
    {
        get;
        init => field = Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Scores), value, "Scores come from sketches or are exact.");
    }
    = ScoreSource.Sketch;
}
