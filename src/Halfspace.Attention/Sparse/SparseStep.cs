namespace Halfspace.Attention;

/// <summary>Sparse attention of one position to one KV head, in stages that follow each other: each of <see cref="Scan"/> and <see cref="Attend"/> is cut
/// into parts that any threads may take.</summary>
internal abstract class SparseStep(HeadAttention attention) : IDisposable
{
    /// <summary>Where less than this share of the index is left to the tail, reading the rest is cheaper than closing it.</summary>
    public const int DenseShare = 8;

    /// <summary>Whose step it is.</summary>
    public HeadAttention Attention { get; } = attention;

    /// <summary>Set while a step is traced: <see cref="Finish"/> writes what became of each row.</summary>
    public TracedRow[]? Traced { get; set; }

    /// <summary>Addresses of the keys of the index that rows attend to exactly.</summary>
    public abstract ReadOnlySpan<nint> Read { get; }

    /// <summary>The step for an attention's policy.</summary>
    public static SparseStep For(HeadAttention attention) => ThresholdPolicy.IsForeseen(attention.Options) ? new SweepStep(attention) : new ScanStep(attention);

    /// <summary>Whether so many keys are all reported whatever the scores are.</summary>
    public static bool ReportsAll(AttentionPolicy policy, HeadIndex index) =>
        !index.Usable || index.Tokens == 0 || (policy is AttentionPolicy.Budget budget && index.Tokens <= budget.Keys);

    /// <summary>Takes a position.</summary>
    /// <param name="head">Keys and values; its index holds positions below <paramref name="visible"/> only.</param>
    /// <param name="queries">[group, d], scaled by 1/√d.</param>
    /// <param name="group">Query heads.</param>
    /// <param name="visible">Keys seen.</param>
    /// <param name="parts">Parts that <see cref="Scan"/> and <see cref="Attend"/> will each be called for.</param>
    /// <returns>False if the queries cannot be sketched: attend densely.</returns>
    public abstract bool Begin(HeadCache head, ReadOnlySpan<float> queries, int group, int visible, int parts);

    /// <summary>Scores a part of the index for all rows.</summary>
    public abstract void Scan(int part, AttentionScratch scratch);

    /// <summary>Lists the keys to attend to.</summary>
    /// <returns>False if that is nearly all of them: attend densely.</returns>
    public abstract bool Select(AttentionScratch scratch);

    /// <summary>Attends exactly to a part of the listed keys.</summary>
    public abstract void Attend(int part, AttentionScratch scratch);

    /// <summary>Closes the tail, merges all parts and writes the outputs.</summary>
    /// <param name="output">[group, d].</param>
    /// <param name="scratch">Buffers and counters.</param>
    /// <returns>False if a row's certificate is larger than the policy allows: attend densely.</returns>
    public abstract bool Finish(Span<float> output, AttentionScratch scratch);

    public abstract void Dispose();
}
