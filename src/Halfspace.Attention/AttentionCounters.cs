namespace Halfspace.Attention;

/// <summary>What attention did. A row is one query row of one head.</summary>
public struct AttentionCounters
{
    /// <summary>Rows attended.</summary>
    public long Rows { get; set; }

    /// <summary>Keys attended exactly, summed over rows.</summary>
    public long KeysAttended { get; set; }

    /// <summary>Keys visible, summed over rows.</summary>
    public long KeysVisible { get; set; }

    /// <summary>Rows that attended to every visible key.</summary>
    public long RowsDense { get; set; }

    /// <summary>The share of the softmax mass left to the tail model, summed over rows.</summary>
    public double TailMass { get; set; }

    /// <summary>Keys attended exactly by a row, on average.</summary>
    public readonly double KeysPerHead => Rows == 0 ? 0 : (double)KeysAttended / Rows;

    /// <summary>Adds another count.</summary>
    public void Add(in AttentionCounters other)
    {
        Rows += other.Rows;
        KeysAttended += other.KeysAttended;
        KeysVisible += other.KeysVisible;
        RowsDense += other.RowsDense;
        TailMass += other.TailMass;
    }

    /// <summary>Back to nothing counted.</summary>
    public void Reset() => this = default;

    internal void CountDense(int rows, long visible)
    {
        Rows += rows;
        RowsDense += rows;
        KeysAttended += visible;
        KeysVisible += visible;
    }

    internal void CountSparse(int attended, int visible, double tailMass)
    {
        Rows++;
        KeysAttended += attended;
        KeysVisible += visible;
        TailMass += tailMass;
    }
}
