using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>An upper bound of λ = λ_max(Σ(v−c)(v−c)ᵀ) of a cluster's values, kept as values come.</summary>
/// <remarks>
/// For symmetric A ≥ 0 and any k, λ_max(A)^k ≤ tr(A^k): after j squarings that is within a factor d^(1/2^j) of it. In between, values can raise λ
/// by the largest eigenvalue of their own sum at most (Weyl). Squarings are done anew when what was added could have made the bound a quarter too large.
/// </remarks>
internal sealed class ValueSpread
{
    private const int Squarings = 5;
    private const double Slack = 0.25;

    private NativePart<float> _sum;
    private readonly int _dim, _stride;
    private double _bound, _added;

    public ValueSpread(int dim, NativeArena arena)
        : this(dim, arena.Take<float>((long)dim * ((dim + 15) / 16 * 16))) => Reset();

    private ValueSpread(int dim, NativePart<float> sum)
    {
        _dim = dim;
        _stride = (dim + 15) / 16 * 16;
        _sum = sum;
    }

    /// <summary>Floats that <see cref="Settle"/> works in: two matrices that the sum is squared in.</summary>
    public static long WorkLength(int dim) => 2L * dim * ((dim + 15) / 16 * 16);

    /// <summary>At least λ.</summary>
    public double Largest => (_bound + _added) * (1 + 1e-4);

    /// <summary>Σ‖v−c‖².</summary>
    public double Trace { get; private set; }

    private int Length => _dim * _stride;

    /// <summary>Copies what lies in memory that was only lent.</summary>
    public void Own(NativeArena arena) => _sum = arena.Copy(_sum, _sum.Length);

    public void Reset()
    {
        _sum.Slice(0, Length).Clear();
        (_bound, _added, Trace) = (0, 0, 0);
    }

    /// <summary>Takes in Σ(v−c)(v−c)ᵀ of more values, [d, stride].</summary>
    public void Add(ReadOnlySpan<float> terms)
    {
        Span<float> sum = _sum.Slice(0, Length);
        double trace = 0;
        for (int i = 0; i < sum.Length; i++) sum[i] += terms[i];
        for (int c = 0; c < _dim; c++) trace += terms[(c * _stride) + c];
        Trace += trace;
        // Of what is added, no eigenvalue is above its trace or its Frobenius norm.
        _added += Math.Min(trace, Distance.Norm(terms) * (1 + 1e-5));
    }

    /// <summary>Writes the sum of squares, [d, stride].</summary>
    public void Export(IndexImageWriter to) => to.Write(_sum.Slice(0, Length));

    /// <summary>One that has taken in values already.</summary>
    public static ValueSpread Restore(int dim, in IndexImage.Cluster numbers, NativePart<float> sum) =>
        new(dim, sum) { _bound = numbers.SpreadBound, _added = numbers.SpreadAdded, Trace = numbers.SpreadTrace };

    /// <summary>The bound after the last squarings, and what values can have added to it since.</summary>
    public (double Bound, double Added) Parts => (_bound, _added);

    /// <summary>Brings the bound back to λ where it may have left it.</summary>
    /// <param name="kernels">The tier.</param>
    /// <param name="work">At least <see cref="WorkLength"/>.</param>
    public void Settle(AttentionKernels kernels, Span<float> work)
    {
        if (_added > Slack * _bound) Refresh(kernels, work);
    }

    private void Refresh(AttentionKernels kernels, Span<float> work)
    {
        ReadOnlySpan<float> sum = _sum.Slice(0, Length);
        Span<float> from = work[..Length], to = work.Slice(Length, Length);
        double trace = TraceOf(sum);
        _added = 0;
        _bound = 0;
        if (!(trace > 0)) return;
        // Scaled so that λ ≤ 1: powers stay in range, and d ones at most are summed.
        float scale = (float)(1 / trace);
        for (int i = 0; i < from.Length; i++) from[i] = sum[i] * scale;
        double log = 0;
        for (int j = 1; j <= Squarings; j++)
        {
            kernels.Product(from, _stride, 1, from, _stride, to, _stride, _dim, _dim, _stride, add: false);
            double next = TraceOf(to);
            if (!(next > 1e-30)) break;
            // A^(2^j) = e^log · (what to holds).
            log *= 2;
            float back = (float)(1 / next);
            for (int i = 0; i < to.Length; i++) to[i] *= back;
            log += Math.Log(next);
            Span<float> other = from;
            from = to;
            to = other;
            _bound = trace * Math.Exp(log / Math.Pow(2, j));
        }
        if (_bound == 0) _bound = trace;
    }

    private double TraceOf(ReadOnlySpan<float> matrix)
    {
        double trace = 0;
        for (int c = 0; c < _dim; c++) trace += matrix[(c * _stride) + c];
        return trace;
    }
}
