namespace Halfspace.Kernels.Reporting;

/// <summary>The half-space {x : ⟨a,x⟩ ≥ b} made ready for points of a bounded norm.</summary>
/// <remarks>Kernels score in float with fused multiply-adds in whatever order suits the tier. Any order of d fused steps errs by at most
/// γ‖a‖‖x‖ with γ = d·2⁻²⁴/(1 − d·2⁻²⁴), plus d half-units of the smallest subnormal. A float score beyond <see cref="Inside"/> or below
/// <see cref="Outside"/> therefore decides; the few between are decided by <see cref="ExactDot"/>.</remarks>
public readonly ref struct HalfspaceTest
{
    /// <summary>Prepares a query.</summary>
    /// <param name="query">a, [d], finite.</param>
    /// <param name="bias">b; not NaN.</param>
    /// <param name="maxNorm">An upper bound of ‖x‖₂ over the points to be tested.</param>
    public HalfspaceTest(ReadOnlySpan<float> query, float bias, double maxNorm) : this(query, bias, maxNorm, Norm(query))
    {
    }

    /// <summary>Prepares a query whose norm is known.</summary>
    /// <param name="query">a, [d], finite.</param>
    /// <param name="bias">b; not NaN.</param>
    /// <param name="maxNorm">An upper bound of ‖x‖₂ over the points to be tested.</param>
    /// <param name="queryNorm">An upper bound of ‖a‖₂.</param>
    public HalfspaceTest(ReadOnlySpan<float> query, float bias, double maxNorm, double queryNorm)
    {
        Query = query;
        Bias = bias;
        QueryNorm = queryNorm;
        double reach = QueryNorm * maxNorm;

        // Beyond these sizes partial sums could overflow, or γ stops being small: every point is then decided exactly.
        FloatDecides = reach < 1e37 && query.Length < 1 << 20;
        Margin = ((query.Length + 8) * (reach * 6.5e-8)) + ((query.Length + 8) * 1.5e-45);
        Inside = float.IsInfinity(bias) ? bias : MathF.BitIncrement((float)Math.Min(bias + Margin, float.MaxValue));
        Outside = float.IsInfinity(bias) ? bias : MathF.BitDecrement((float)Math.Max(bias - Margin, float.MinValue));
    }

    /// <summary>a, [d].</summary>
    public ReadOnlySpan<float> Query { get; }

    /// <summary>b.</summary>
    public float Bias { get; }

    /// <summary>‖a‖₂, rounded up.</summary>
    public double QueryNorm { get; }

    /// <summary>No float score of a point within the norm bound is further than this from the real one.</summary>
    public double Margin { get; }

    /// <summary>A float score of at least this is inside.</summary>
    public float Inside { get; }

    /// <summary>A float score below this is outside.</summary>
    public float Outside { get; }

    /// <summary>False where sizes are too large for float scores; then only <see cref="Contains{T}"/> decides.</summary>
    public bool FloatDecides { get; }

    /// <summary>True where ⟨a,x⟩ ≥ b in the real numbers.</summary>
    /// <param name="point">x, [d], float or <see cref="Half"/>.</param>
    public bool Contains<T>(ReadOnlySpan<T> point) where T : unmanaged => ExactDot.AtLeast(Query, point, Bias);

    /// <summary>‖a‖₂, rounded up.</summary>
    public static double Norm(ReadOnlySpan<float> query)
    {
        double squares = 0;
        foreach (float q in query) squares += (double)q * q;
        return Math.Sqrt(squares) * (1 + ((query.Length + 4) * 1.2e-16));
    }
}
