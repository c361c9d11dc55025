namespace Halfspace.Attention;

/// <summary>How far a row's output can be from dense attention's, ‖o − o′‖₂, from sums that the scan has anyway.</summary>
/// <remarks>
/// <para>With w the scan's weights and a cluster's tail T of n keys: the affine model misses Σ_T (w_i − α0 − α1·ŝ_i)(v_i − v̄) for its own α0 and α1, at most
/// A·√λ by Cauchy–Schwarz, A² = Σw² − (Σw)²/n − (Σw(ŝ−s̄))²/(n·Var ŝ) and λ ≥ λ_max(Σ(v−c)(v−c)ᵀ) over the whole cluster. Its covariance is that of
/// exact scores: where the scan's are off by up to Δ, that adds |α1|·√n·Δ·√λ. Against exact weights, |w − ŵ| ≤ (e^Δ − 1)·ŵ, that is
/// (e^Δ − 1)·(√Σŵ²·√λ + Σŵ·‖v̄ − o‖).</para>
/// <para>And whatever Δ is: dense attention is (1−τ)·μ_R + τ·μ_T with μ_R known and μ_T no farther from μ_R than a value is, τ ≤ the tail's share with
/// weights e^Δ times as large. The smaller bound counts. The paper's own, 2τ·max‖v‖, is for a tail that is dropped.</para>
/// </remarks>
internal ref struct Certificate
{
    // Sums and products in float: more than they can be off, relative to what they are sums of.
    private const double Rounding = 2e-5;

    private const double MostError = 300;

    // A scan does not sum weights below e^-87 of its reference, and loses squares of those below 1e-22 of it.
    private const double LeastWeight = 1.7e-38, LeastSquare = 1e-44;

    private readonly ReadOnlySpan<float> _output, _exact;
    private readonly double _whole, _outputNorm, _exactNorm;
    private readonly bool _near;
    private double _model, _mean, _doubt, _variance, _missing, _heaviest, _farthest, _largest, _scale;
    private bool _unknown;

    /// <param name="output">o, [d].</param>
    /// <param name="exact">μ_R, [d].</param>
    /// <param name="whole">Σ of all weights, exact and scanned.</param>
    /// <param name="near">Whether distances are measured, or bounded by the sums of norms: for many rows those are a part of the time.</param>
    public Certificate(ReadOnlySpan<float> output, ReadOnlySpan<float> exact, double whole, bool near)
    {
        _output = output;
        _exact = exact;
        _whole = whole;
        _near = near;
        if (near) return;
        _outputNorm = Distance.Norm(output);
        _exactNorm = Distance.Norm(exact);
    }

    /// <summary>Takes in a cluster's tail.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="tail">Sums over its tail, in the units of the whole.</param>
    /// <param name="mean">The mean of v over the tail, [d].</param>
    /// <param name="slope">What <see cref="TailModel.Slope"/> returned, or 0 where the tail is its mean.</param>
    /// <param name="error">Δ, the most that a score can be off.</param>
    /// <param name="deviation">The deviation that scores are off by, for the estimate.</param>
    /// <param name="unit">The weight of a key at the scan's reference, at most 10^100.</param>
    /// <param name="meanNorm">‖mean‖, where distances are not measured.</param>
    public void Add(KeyCluster cluster, in IndexSums tail, ReadOnlySpan<float> mean, double slope, double error, double deviation,
        double unit, double meanNorm = 0)
    {
        if (tail.Count == 0) return;
        double n = tail.Count, spread = Math.Sqrt(cluster.Spread.Largest);
        double scatter = Math.Max(0, tail.ScoreSquare - (tail.Score * tail.Score / n));
        // Σw(ŝ−s̄) = slope/n · Σ(ŝ−s̄)², so α1 = slope/n.
        double trend = slope / n;
        double left = tail.Square - (tail.Mass * tail.Mass / n) - (trend * trend * scatter);
        double unseen = n * unit * LeastWeight, square = tail.Square + (n * unit * unit * LeastSquare);
        double residual = Math.Sqrt(Math.Max(0, left) + (n * unit * unit * LeastSquare) + (Rounding * tail.Square));
        _model += ((residual * (1 + Rounding)) + (Math.Abs(trend) * Math.Sqrt(n) * error)) * spread;

        // Beyond that nothing is known of the weights, and products with them may not be numbers.
        _unknown |= error > MostError;
        double more = Math.Exp(Math.Min(error, MostError)) - 1;
        double heaviest = unseen * (more + 1);
        double toMean = _near ? Distance.Between(mean, _output) : meanNorm + _outputNorm;
        double toCentre = _near ? Distance.Between(cluster.ValueCentre, _output) : cluster.ValueCentreNorm + _outputNorm;
        double fromExact = _near ? Distance.Between(cluster.ValueCentre, _exact) : cluster.ValueCentreNorm + _exactNorm;
        _doubt += (more * ((Math.Sqrt(square) * spread) + (tail.Mass * toMean))) + (heaviest * (toCentre + cluster.LargestValue));
        _mean += (more * tail.Mass) + heaviest;
        // 1 − e^−Δ is more/(more + 1).
        _missing += tail.Mass * (more / (more + 1));
        _heaviest += (tail.Mass * (more + 1)) + heaviest;
        _farthest = Math.Max(_farthest, fromExact + cluster.LargestValue);
        _largest = Math.Max(_largest, cluster.ValueCentreNorm + cluster.LargestValue);
        _scale = Math.Max(_scale, _largest);
        double each = cluster.Spread.Trace / Math.Max(1, cluster.Count);
        _variance += ((Math.Max(0, left) + (tail.Square * deviation * deviation)) * each);
    }

    /// <summary>Takes in what was added to tails that count as their means: it can be off by all of it.</summary>
    /// <param name="norm">Its norm, in the units of the whole.</param>
    public void AddTrend(double norm) => _model += norm;

    /// <summary>Counts the row.</summary>
    /// <param name="tail">What stands for the tail.</param>
    /// <param name="exactWeight">Σ of the exact weights.</param>
    /// <param name="counters">Added to.</param>
    /// <returns>The bound relative to ‖o‖.</returns>
    public readonly double Count(TailKind tail, double exactWeight, ref AttentionCounters counters)
    {
        double norm = Distance.Norm(_output);
        // Nothing is certified of an output of zero but that it is exact.
        double paper = IsExact ? 0 : PaperBound(exactWeight) / norm;
        double relative = IsExact ? 0 : tail == TailKind.None ? paper : Bound(exactWeight) / norm;
        counters.CountCertificate(relative, paper, Estimate / norm);
        return relative;
    }

    /// <summary>Whether no tail was left.</summary>
    public readonly bool IsExact => _scale == 0;

    /// <summary>The bound.</summary>
    /// <param name="exactWeight">Σ of the exact weights.</param>
    public readonly double Bound(double exactWeight)
    {
        double model = _model / _whole, low = _whole - _missing, slack = Rounding * _scale;
        double fromWeights = low > 0 && !_unknown ? (_doubt + (_mean * model)) / low : double.PositiveInfinity;
        double any = Distance.Between(_exact, _output) + (Share(exactWeight) * _farthest);
        return Math.Min(model + fromWeights, any) + slack;
    }

    /// <summary>The paper's bound for dropping the tail, 2τ·max‖v‖.</summary>
    /// <param name="exactWeight">Σ of the exact weights.</param>
    public readonly double PaperBound(double exactWeight)
    {
        return 2 * Share(exactWeight) * _largest;
    }

    // The most that the tail can weigh, of all.
    private readonly double Share(double exactWeight) =>
        _unknown || !(_heaviest + exactWeight > 0) ? 1 : _heaviest / (_heaviest + exactWeight);

    /// <summary>About how far the output is off, if residuals and errors of scores are as good as random: not a bound.</summary>
    public readonly double Estimate => Math.Sqrt(_variance) / _whole;
}
