using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Halfspace.Kernels.Reporting;

/// <summary>Up to eight queries made ready for sketches: rotated, 8 bits a coordinate, with what the error bound needs. Reused; not thread-safe.</summary>
public sealed class SketchQueries
{
    /// <summary>Queries that share a pass.</summary>
    public const int Max = 8;

    // A half-word's products of keys must stay in int16 until it is widened: 8 groups of 4 coordinates a half-word, codes up to 15.
    private const int GroupsPerTotal = 8;
    private const int HalfWordLimit = short.MaxValue / 15;

    // The norm that the coordinates of a half-word may have, so that their product with a point's stays in int16; rounding adds √32/2 at most.
    private const double HalfNorm = ((double)short.MaxValue / SketchBlocks.HalfNorm) - 2.83;

    // Added to a double, it rounds to a whole number, which is then in the low bits.
    private const double Whole = 1.5 * (1L << 52);

    private readonly Terms[] _terms = new Terms[Max];
    private double[] _rotated = [];
    private double[] _rounded = [];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>D.</summary>
    public int Padded { get; private set; }

    /// <summary>Query words, [Count][D/8][2]: coordinates 0–3 and 4–7 of each group as bytes.</summary>
    internal int[] Words { get; private set; } = [];

    /// <summary>What the sums of products begin with, for a point's codes to count from their offset: [Count][runs][2], of each half-word.</summary>
    internal int[] Starts { get; private set; } = [];

    /// <summary>Runs of <see cref="SketchBlocks.RunLength"/> coordinates.</summary>
    internal int Runs => (Padded + SketchBlocks.RunLength - 1) / SketchBlocks.RunLength;

    /// <summary>Forgets the queries and takes others of D = <paramref name="padded"/>.</summary>
    public void Clear(int padded)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(padded);
        Padded = padded;
        Count = 0;
        if (_rotated.Length == padded) return;
        _rotated = new double[padded];
        _rounded = new double[padded];
        Words = new int[Max * (padded / 4)];
        Starts = new int[Max * Runs * 2];
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
        (double baseScore, double baseParts) = Widen(query, centre, p);
        p[query.Length..].Clear();
        rotation.Apply(p);
        (double largest, double norm, double half) = Measure(p);

        // 8 bits a coordinate; less where a half-word's products could leave int16.
        Span<sbyte> codes = MemoryMarshal.Cast<int, sbyte>(Words.AsSpan(Count * (Padded / 4), Padded / 4));
        double scale = Math.Max(largest / 127, half / HalfNorm);
        (double coded, double error) = Quantise(p, scale, codes);
        double reach = Math.Sqrt(Math.Max(norm, coded)) * (1 + 1e-6);
        double farthest = (reach * maxSize * 4) + baseParts;
        if (!(farthest < 1e36) || !(maxSize < 1e36) || !(reach == 0 || reach > 1e-28)) return false;
        Start(codes, Starts.AsSpan(Count * Runs * 2, Runs * 2));
        double lost = (Math.Sqrt(error) * (1 + 1e-6)) + (1e-7 * reach), slack = (1e-6 * (baseParts + Math.Abs(bias))) + 1e-42;
        double unit = scale > 0 ? 1 / scale : 1;
        ref Terms terms = ref _terms[Count];
        terms = default;
        terms.Scale = (float)scale;
        terms.Base = (float)baseScore;
        terms.Norm = MathF.BitIncrement((float)reach);
        terms.Reach = (float)(reach * unit * (1 + 1e-6));
        terms.Error = (float)(lost * unit * (1 + 1e-6));
        terms.Border = (float)((bias - baseScore) * unit);
        terms.Slack = MathF.BitIncrement((float)(slack * unit));
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
            terms.Norm = (float)norm;
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
        return (terms.Norm * residual * (1 + 1e-6)) + ((terms.Error + (1e-6 * terms.Norm)) * (size + residual));
    }

    /// <summary>An upper bound of ‖a‖ of a query.</summary>
    public double Norm(int query) => _terms[query].Norm;

    internal ref readonly Terms this[int i] => ref _terms[i];

    // query as doubles; ⟨query, centre⟩ and the sum of its terms' sizes.
    private static (double Score, double Parts) Widen(ReadOnlySpan<float> query, ReadOnlySpan<float> centre, Span<double> into)
    {
        Vector<double> score = default, parts = default;
        int i = 0, width = Vector<double>.Count;
        for (; i + (2 * width) <= query.Length; i += 2 * width)
        {
            Vector.Widen(new Vector<float>(query[i..]), out Vector<double> low, out Vector<double> high);
            low.CopyTo(into[i..]);
            high.CopyTo(into[(i + width)..]);
            if (centre.IsEmpty) continue;
            Vector.Widen(new Vector<float>(centre[i..]), out Vector<double> lowCentre, out Vector<double> highCentre);
            (low, high) = (low * lowCentre, high * highCentre);
            score += low + high;
            parts += Vector.Abs(low) + Vector.Abs(high);
        }

        (double scoreSum, double partsSum) = (Vector.Sum(score), Vector.Sum(parts));
        for (; i < query.Length; i++)
        {
            into[i] = query[i];
            double product = centre.IsEmpty ? 0 : (double)query[i] * centre[i];
            scoreSum += product;
            partsSum += Math.Abs(product);
        }

        return (scoreSum, partsSum);
    }

    // The largest size of a coordinate, the sum of squares, and the largest norm of coordinates whose products share a half-word. D is a multiple of
    // 8, and so of a register.
    private static (double Largest, double Squares, double Half) Measure(ReadOnlySpan<double> p)
    {
        Vector<double> largest = default;
        double squares = 0, half = 0;
        for (int start = 0; start < p.Length; start += SketchBlocks.RunLength)
        {
            ReadOnlySpan<double> run = p.Slice(start, Math.Min(SketchBlocks.RunLength, p.Length - start));
            Vector512<double> sums = default;
            for (int i = 0; i < run.Length; i += Vector512<double>.Count)
            {
                Vector512<double> v = Vector512.Create(run.Slice(i, Vector512<double>.Count));
                sums += v * v;
            }

            for (int i = 0; i < run.Length; i += Vector<double>.Count) largest = Vector.Max(largest, Vector.Abs(new Vector<double>(run[i..])));
            double low = sums[0] + sums[1] + sums[4] + sums[5], high = sums[2] + sums[3] + sums[6] + sums[7];
            squares += low + high;
            half = Math.Max(half, Math.Max(low, high));
        }

        double most = 0;
        for (int i = 0; i < Vector<double>.Count; i++) most = Math.Max(most, largest[i]);
        return (most, squares, Math.Sqrt(half));
    }

    // Codes p. Sums of what the codes stand for squared, and of what that is off, squared.
    private (double Coded, double Error) Quantise(ReadOnlySpan<double> p, double scale, Span<sbyte> codes)
    {
        Vector<double> most = new(127), whole = new(Whole), coded = default, error = default;
        double inverse = scale > 0 ? 1 / scale : 0;
        for (int i = 0; i < p.Length; i += Vector<double>.Count)
        {
            Vector<double> exact = new(p[i..]), rounded = Vector.Min(Vector.Max(exact * inverse, -most), most) + whole;
            Vector<double> decoded = (rounded - whole) * scale, off = exact - decoded;
            rounded.CopyTo(_rounded, i);
            coded += decoded * decoded;
            error += off * off;
        }

        for (int i = 0; i < codes.Length; i++) codes[i] = (sbyte)BitConverter.DoubleToInt64Bits(_rounded[i]);
        return (Vector.Sum(coded), Vector.Sum(error));
    }

    // −64·Σ codes of the coordinates of each half-word, run by run.
    private static void Start(ReadOnlySpan<sbyte> codes, Span<int> starts)
    {
        for (int run = 0; run < starts.Length / 2; run++)
        {
            int low = 0, high = 0;
            ReadOnlySpan<sbyte> own = codes[(run * SketchBlocks.RunLength)..Math.Min((run + 1) * SketchBlocks.RunLength, codes.Length)];
            for (int i = 0; i < own.Length; i += 4)
            {
                low += own[i] + own[i + 1];
                high += own[i + 2] + own[i + 3];
            }

            (starts[2 * run], starts[(2 * run) + 1]) = (-SketchBlocks.Offset * low, -SketchBlocks.Offset * high);
        }
    }

    /// <summary>Of a point: score = Scale·dot/scale + Base. With what its block says, it can only be inside where dot − Border·scale is at least
    /// −(Reach·residual + Error·norm + Slack·largest scale), and is where that is at least the opposite. Of a key: score = step·(Scale·dot + Shift);
    /// Residual is what Norm makes of one count of its residual, in steps, and Error is not in them.</summary>
    internal struct Terms
    {
        public float Scale;
        public float Shift;
        public float Base;
        public float Norm;
        public float Reach;
        public float Border;
        public float Slack;
        public float Residual;
        public float Error;
    }
}
