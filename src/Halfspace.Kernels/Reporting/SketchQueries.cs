namespace Halfspace.Kernels.Reporting;

/// <summary>Up to eight queries made ready for sketches: rotated, 8 bits a coordinate, with what the error bound needs. Reused; not thread-safe.</summary>
public sealed class SketchQueries
{
    /// <summary>Queries that share a pass.</summary>
    public const int Max = 8;

    // A half-word's products must stay in int16 until it is widened: 8 groups of 4 coordinates a half-word, codes up to 15.
    private const int GroupsPerTotal = 8;
    private const double HalfWordLimit = short.MaxValue / 15;

    private readonly Terms[] _terms = new Terms[Max];
    private double[] _rotated = [];
    private sbyte[] _codes = [];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>D.</summary>
    public int Padded { get; private set; }

    /// <summary>Query words, [Count][D/8][2]: coordinates 0–3 and 4–7 of each group as bytes.</summary>
    internal int[] Words { get; private set; } = [];

    /// <summary>Forgets the queries and takes others of D = <paramref name="padded"/>.</summary>
    public void Clear(int padded)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(padded);
        Padded = padded;
        Count = 0;
        if (_rotated.Length == padded) return;
        _rotated = new double[padded];
        _codes = new sbyte[padded];
        Words = new int[Max * (padded / 4)];
    }

    /// <summary>Adds a query.</summary>
    /// <param name="query">a, [d], finite.</param>
    /// <param name="bias">b.</param>
    /// <param name="rotation">The sketch's rotation, of D = <see cref="Padded"/>.</param>
    /// <param name="centre">μ, [d]: sketches are of R(x − μ).</param>
    /// <param name="maxSize">An upper bound of ‖x − μ‖ over the points.</param>
    /// <returns>False where sizes are too large or small for float scores and a bound; the query is then not added.</returns>
    public bool TryAdd(ReadOnlySpan<float> query, float bias, SketchRotation rotation, ReadOnlySpan<float> centre, double maxSize)
    {
        ArgumentNullException.ThrowIfNull(rotation);
        if (rotation.Padded != Padded || query.Length != rotation.Dimension || centre.Length != query.Length || Count == Max)
            throw new ArgumentException($"Up to {Max} queries of {rotation.Dimension} coordinates fit this sketch; this has {query.Length}.");
        Span<double> p = _rotated;
        double baseScore = 0, baseParts = 0;
        for (int i = 0; i < query.Length; i++)
        {
            p[i] = query[i];
            double product = (double)query[i] * centre[i];
            baseScore += product;
            baseParts += Math.Abs(product);
        }

        p[query.Length..].Clear();
        rotation.Apply(p);
        double scale = Quantise(p);
        double norm = 0, coded = 0, error = 0;
        int sum = 0;
        for (int i = 0; i < p.Length; i++)
        {
            double decoded = scale * _codes[i];
            norm += p[i] * p[i];
            coded += decoded * decoded;
            error += (p[i] - decoded) * (p[i] - decoded);
            sum += _codes[i];
        }

        double reach = Math.Sqrt(Math.Max(norm, coded)) * (1 + 1e-6);
        double farthest = (reach * maxSize * 4) + baseParts;
        if (!(farthest < 1e36) || !(reach == 0 || reach > 1e-28)) return false;
        ref Terms terms = ref _terms[Count];
        terms.Scale = (float)scale;
        terms.Shift = (float)(-7.5 * scale * sum);
        terms.Offset = (float)(scale * sum);
        terms.Base = (float)baseScore;
        terms.Reach = MathF.BitIncrement((float)reach);
        terms.Error = MathF.BitIncrement((float)((Math.Sqrt(error) * (1 + 1e-6)) + (1e-7 * reach)));
        terms.Slack = MathF.BitIncrement((float)((1e-6 * baseParts) + (2e-7 * Math.Abs(bias)) + 1e-42));
        terms.Bias = bias;
        Pack(Words.AsSpan(Count * (Padded / 4), Padded / 4));
        Count++;
        return true;
    }

    internal ref readonly Terms this[int i] => ref _terms[i];

    // 8 bits a coordinate; less where a half-word's products could leave int16.
    private double Quantise(ReadOnlySpan<double> p)
    {
        double largest = 0;
        foreach (double v in p) largest = Math.Max(largest, Math.Abs(v));
        if (largest == 0)
        {
            _codes.AsSpan().Clear();
            return 0;
        }

        double scale = Math.Max(largest / 127, Heaviest(p) / (HalfWordLimit - (4 * GroupsPerTotal)));
        scale = (float)scale;
        for (int i = 0; i < p.Length; i++) _codes[i] = (sbyte)Math.Clamp(Math.Round(p[i] / scale), -127, 127);
        return scale;
    }

    // The largest Σ|p| over the coordinates that share a half-word between two widenings.
    private static double Heaviest(ReadOnlySpan<double> p)
    {
        double heaviest = 0;
        for (int start = 0; start < p.Length; start += 8 * GroupsPerTotal)
        {
            double even = 0, odd = 0;
            for (int i = start; i < Math.Min(start + (8 * GroupsPerTotal), p.Length); i++)
            {
                if ((i & 2) == 0) even += Math.Abs(p[i]);
                else odd += Math.Abs(p[i]);
            }

            heaviest = Math.Max(heaviest, Math.Max(even, odd));
        }

        return heaviest;
    }

    private void Pack(Span<int> words)
    {
        for (int w = 0; w < words.Length; w++)
        {
            int word = 0;
            for (int j = 3; j >= 0; j--) word = (word << 8) | (byte)_codes[(w * 4) + j];
            words[w] = word;
        }
    }

    /// <summary>score = step·(Scale·dot + Shift) + middle·Offset + Base; off by at most Reach·residual + Error·size + Slack.</summary>
    internal struct Terms
    {
        public float Scale;
        public float Shift;
        public float Offset;
        public float Base;
        public float Reach;
        public float Error;
        public float Slack;
        public float Bias;
    }
}
