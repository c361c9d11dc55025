namespace Halfspace.Attention;

/// <summary>What attention did. A row is one query row of one head.</summary>
public struct AttentionCounters
{
    /// <summary>Rows attended.</summary>
    public long Rows { get; set; }

    /// <summary>Keys attended exactly, summed over rows.</summary>
    public long KeysAttended { get; set; }

    /// <summary>ReLU attention: keys that weigh something, summed over rows; the others were attended and weigh 0.</summary>
    public long KeysUsed { get; set; }

    /// <summary>ReLU attention: rows without a key above the bias, whose output is zero.</summary>
    public long RowsEmpty { get; set; }

    /// <summary>Keys visible, summed over rows.</summary>
    public long KeysVisible { get; set; }

    /// <summary>Rows that attended to every visible key.</summary>
    public long RowsDense { get; set; }

    /// <summary>Rows of a prompt whose tail was sampled: they have an estimate of their error, and no certificate.</summary>
    public long RowsSampled { get; set; }

    /// <summary>The share of the softmax mass left to the tail model, summed over rows.</summary>
    public double TailMass { get; set; }

    /// <summary>The certificates ‖o − o′‖₂ ≤ c, relative to ‖o‖, summed over rows; dense rows have 0.</summary>
    public double Certificate { get; set; }

    /// <summary>The largest relative certificate of a row.</summary>
    public double CertificateWorst { get; set; }

    /// <summary>The relative bounds that the paper gives for a tail that is dropped, summed over rows.</summary>
    public double PaperBound { get; set; }

    /// <summary>Estimates of the relative error, summed over rows; no bounds.</summary>
    public double Estimate { get; set; }

    /// <summary>Time that layers attended for, however many threads took part, where the caller measures it.</summary>
    public TimeSpan Time { get; set; }

    /// <summary>The mean relative certificate of the rows that have one.</summary>
    public readonly double CertificateMean => Rows == RowsSampled ? 0 : Certificate / (Rows - RowsSampled);

    /// <summary>The mean estimate of the relative error; no bound.</summary>
    public readonly double EstimateMean => Rows == 0 ? 0 : Estimate / Rows;

    /// <summary>Keys attended exactly by a row, on average.</summary>
    public readonly double KeysPerHead => Rows == 0 ? 0 : (double)KeysAttended / Rows;

    /// <summary>ReLU attention: keys that weigh something in a row, on average.</summary>
    public readonly double KeysUsedPerHead => Rows == 0 ? 0 : (double)KeysUsed / Rows;

    /// <summary>Adds another count.</summary>
    public void Add(in AttentionCounters other)
    {
        Rows += other.Rows;
        KeysAttended += other.KeysAttended;
        KeysUsed += other.KeysUsed;
        RowsEmpty += other.RowsEmpty;
        KeysVisible += other.KeysVisible;
        RowsDense += other.RowsDense;
        RowsSampled += other.RowsSampled;
        TailMass += other.TailMass;
        Certificate += other.Certificate;
        CertificateWorst = Math.Max(CertificateWorst, other.CertificateWorst);
        PaperBound += other.PaperBound;
        Estimate += other.Estimate;
        Time += other.Time;
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

    internal void CountRelu(int rows, long visible, bool dense, int empty)
    {
        Rows += rows;
        RowsDense += dense ? rows : 0;
        RowsEmpty += empty;
        KeysVisible += visible;
    }

    internal void CountSparse(int attended, int visible, double tailMass)
    {
        Rows++;
        KeysAttended += attended;
        KeysVisible += visible;
        TailMass += tailMass;
    }

    internal void CountSampled(int attended, int visible, double tailMass, double estimate)
    {
        CountSparse(attended, visible, tailMass);
        RowsSampled++;
        Estimate += estimate;
    }

    internal void CountCertificate(double bound, double paper, double estimate)
    {
        Certificate += bound;
        CertificateWorst = Math.Max(CertificateWorst, bound);
        PaperBound += paper;
        Estimate += estimate;
    }
}
