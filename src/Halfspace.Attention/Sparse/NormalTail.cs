namespace Halfspace.Attention;

/// <summary>The standard normal distribution's upper tail.</summary>
internal static class NormalTail
{
    /// <summary>About the z with P(x ≥ z) = <paramref name="share"/>, to 0.0005 (Abramowitz and Stegun, 26.2.23).</summary>
    public static double Quantile(double share)
    {
        if (share >= 0.5) return share >= 1 ? -4 : -Quantile(1 - share);
        double t = Math.Sqrt(-2 * Math.Log(share));
        return t - ((2.515517 + (t * (0.802853 + (t * 0.010328)))) / (1 + (t * (1.432788 + (t * (0.189269 + (t * 0.001308)))))));
    }
}
