using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Halfspace.Kernels.Reporting;

/// <summary>Up to eight queries made ready for sketches: rotated, 8 bits a coordinate, with what the error bound needs. Reused; not thread-safe.</summary>
public sealed class SketchQueries
{
    /// <summary>Queries that share a pass.</summary>
    public const int Max = 8;

    // A half-word's products must stay in int16 until it is widened: 8 groups of 4 coordinates a half-word, codes up to 15.
    private const int GroupsPerTotal = 8;
    private const int HalfWordLimit = short.MaxValue / 15;

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
    /// <param name="centre">μ, [d]: sketches are of R(x − μ); empty for 0.</param>
    /// <param name="maxSize">An upper bound of ‖x − μ‖ over the points.</param>
    /// <returns>False where sizes are too large or small for float scores and a bound; the query is then not added.</returns>
    public bool TryAdd(ReadOnlySpan<float> query, float bias, SketchRotation rotation, ReadOnlySpan<float> centre, double maxSize)
    {
        ArgumentNullException.ThrowIfNull(rotation);
        if (rotation.Padded != Padded || query.Length != rotation.Dimension
            || (!centre.IsEmpty && centre.Length != query.Length) || Count == Max)
            throw new ArgumentException($"Up to {Max} queries of {rotation.Dimension} coordinates fit this sketch; this has {query.Length}.");
        Span<double> p = _rotated;
        double baseScore = 0, baseParts = 0;
        for (int i = 0; i < query.Length; i++)
        {
            p[i] = query[i];
            double product = centre.IsEmpty ? 0 : (double)query[i] * centre[i];
            baseScore += product;
            baseParts += Math.Abs(product);
        }

        p[query.Length..].Clear();
        rotation.Apply(p);
        double largest = 0, norm = 0;
        foreach (double v in p)
        {
            largest = Math.Max(largest, Math.Abs(v));
            norm += v * v;
        }

        // 8 bits a coordinate; less where a half-word's products could leave int16.
        double scale = (float)(largest / 127);
        int heaviest = Quantise(p, scale, out int sum, out double coded, out double error);
        if (heaviest > HalfWordLimit)
        {
            scale = (float)(scale * heaviest / (HalfWordLimit - (4 * GroupsPerTotal)));
            Quantise(p, scale, out sum, out coded, out error);
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
        terms.Slack = MathF.BitIncrement((float)((1e-6 * (baseParts + Math.Abs(bias))) + 1e-42));
        terms.BaseLessBias = (float)(baseScore - bias);
        Pack(Words.AsSpan(Count * (Padded / 4), Padded / 4));
        Count++;
        return true;
    }

    /// <summary>Adds rows of attention's queries at once, for blocks of keys: without centre and bias.</summary>
    /// <param name="queries">[rows, d], finite.</param>
    /// <param name="rows">No more than there is room for.</param>
    /// <param name="rotation">The sketch's rotation, of D = <see cref="Padded"/>.</param>
    /// <param name="kernels">The tier that prepares them.</param>
    /// <param name="work">At least 2 · 16 · D floats.</param>
    /// <returns>False where a query is too large or too small for float scores and a bound; none is then added.</returns>
    public bool TryAddRows(ReadOnlySpan<float> queries, int rows, SketchRotation rotation, AttentionKernels kernels, Span<float> work)
    {
        ArgumentNullException.ThrowIfNull(rotation);
        ArgumentNullException.ThrowIfNull(kernels);
        const int Lanes = AttentionKernels.SketchKeys;
        int dim = rotation.Dimension;
        if (rotation.Padded != Padded || queries.Length != rows * dim || rows > Max - Count || work.Length < 2 * Lanes * Padded)
            throw new ArgumentException($"{rows} queries of {dim} coordinates do not fit this sketch.");
        Span<float> columns = work[..(Lanes * Padded)], codes = work.Slice(Lanes * Padded, Lanes * Padded);
        columns.Clear();
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < dim; c++) columns[(c * Lanes) + r] = queries[(r * dim) + c];
        kernels.Rotate(columns, rotation);
        Span<float> largest = stackalloc float[Lanes], squares = stackalloc float[Lanes], sums = stackalloc float[Lanes];
        Span<float> errors = stackalloc float[Lanes], heaviest = stackalloc float[Lanes], scales = stackalloc float[Lanes];
        kernels.MeasureQueries(columns, Padded, largest, squares);
        for (int r = 0; r < rows; r++)
        {
            if (!(largest[r] < 1e15f) || !(largest[r] == 0 || largest[r] > 1e-15f)) return false;
            scales[r] = largest[r] / 127;
        }
        kernels.CodeQueries(columns, Padded, 8 * GroupsPerTotal, scales, codes, sums, errors, heaviest);
        bool again = false;
        for (int r = 0; r < rows; r++)
        {
            if (heaviest[r] <= HalfWordLimit) continue;
            scales[r] *= heaviest[r] / (HalfWordLimit - (4 * GroupsPerTotal));
            again = true;
        }
        if (again) kernels.CodeQueries(columns, Padded, 8 * GroupsPerTotal, scales, codes, sums, errors, heaviest);
        for (int r = 0; r < rows; r++)
        {
            // Rotating and summing in float is off by a few units in the last place for each of log₂ D steps.
            double norm = Math.Sqrt(squares[r]) * (1 + 1e-5);
            ref Terms terms = ref _terms[Count];
            terms = default;
            terms.Scale = scales[r];
            terms.Shift = -7.5f * scales[r] * sums[r];
            terms.Reach = (float)norm;
            terms.Residual = MathF.BitIncrement((float)(norm * KeyBlocks.Unit(Padded)));
            terms.Error = (float)((Math.Sqrt(errors[r]) * (1 + 1e-5)) + (4e-6 * norm));
            Span<sbyte> bytes = MemoryMarshal.Cast<int, sbyte>(Words.AsSpan(Count * (Padded / 4), Padded / 4));
            for (int c = 0; c < bytes.Length; c++) bytes[c] = (sbyte)codes[(c * Lanes) + r];
            Count++;
        }
        return true;
    }

    /// <summary>How far ⟨p, ŷ⟩ as computed can be from ⟨p, y⟩ for a key.</summary>
    /// <param name="query">The query.</param>
    /// <param name="residual">An upper bound of ‖y − ŷ‖.</param>
    /// <param name="size">An upper bound of ‖y‖.</param>
    public double ErrorBound(int query, double residual, double size)
    {
        ref readonly Terms terms = ref _terms[query];
        return (terms.Reach * residual * (1 + 1e-6)) + ((terms.Error + (1e-6 * terms.Reach)) * (size + residual));
    }

    /// <summary>An upper bound of ‖a‖ of a query.</summary>
    public double Norm(int query) => _terms[query].Reach;

    internal ref readonly Terms this[int i] => ref _terms[i];

    // Codes p, and returns the largest Σ|code| over the coordinates that share a half-word between two widenings.
    private int Quantise(ReadOnlySpan<double> p, double scale, out int sum, out double coded, out double error)
    {
        (sum, coded, error) = (0, 0, 0);
        double inverse = scale > 0 ? 1 / scale : 0;
        Span<sbyte> codes = _codes;
        int heaviest = 0, even = 0, odd = 0;
        for (int i = 0; i < p.Length; i++)
        {
            if (i % (8 * GroupsPerTotal) == 0) even = odd = 0;
            int code = Math.Clamp((int)Math.Round(p[i] * inverse), -127, 127);
            codes[i] = (sbyte)code;
            double decoded = code * scale, off = p[i] - decoded;
            sum += code;
            coded += decoded * decoded;
            error += off * off;
            int size = Math.Abs(code);
            even += (i & 2) == 0 ? size : 0;
            odd += (i & 2) == 0 ? 0 : size;
            heaviest = Math.Max(heaviest, Math.Max(even, odd));
        }

        return heaviest;
    }

    private void Pack(Span<int> words)
    {
        for (int w = 0; w < words.Length; w++) words[w] = BinaryPrimitives.ReadInt32LittleEndian(MemoryMarshal.AsBytes(_codes.AsSpan(w * 4, 4)));
    }

    /// <summary>score = step·(Scale·dot + Shift) + middle·Offset + Base; off by at most Reach·residual + Error·size + Slack. Residual is what Reach makes of
    /// one count of a key's residual, in steps.</summary>
    internal struct Terms
    {
        public float Scale;
        public float Shift;
        public float Offset;
        public float Base;
        public float Reach;
        public float Residual;
        public float Error;
        public float Slack;
        public float BaseLessBias;
    }
}
