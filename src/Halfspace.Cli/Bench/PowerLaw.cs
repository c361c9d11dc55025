namespace Halfspace.Cli.Bench;

/// <summary>The exponent e of cost = c·nᵉ, by least squares of logarithms; each set has its own c.</summary>
internal static class PowerLaw
{
    /// <summary>The common slope of several sets, NaN with fewer than two sizes.</summary>
    public static double Slope(IEnumerable<(string Set, double N, double Cost)> measured)
    {
        double products = 0, squares = 0;
        foreach (var set in measured.GroupBy(m => m.Set))
        {
            (double X, double Y)[] logs = [.. set.Select(m => (Math.Log(m.N), Math.Log(Math.Max(m.Cost, 1e-3))))];
            double x = logs.Average(p => p.X), y = logs.Average(p => p.Y);
            products += logs.Sum(p => (p.X - x) * (p.Y - y));
            squares += logs.Sum(p => (p.X - x) * (p.X - x));
        }

        return squares == 0 ? double.NaN : products / squares;
    }
}
