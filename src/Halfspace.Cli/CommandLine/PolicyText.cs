using System.Globalization;
using Halfspace.Attention;

namespace Halfspace.Cli.CommandLine;

/// <summary>The form of a policy on the command line: its name, a colon and its number.</summary>
internal static class PolicyText
{
    /// <summary>What may be given, for errors.</summary>
    public const string Allowed = "budget:R (keys, from 1), mass:T (a share from 0 to below 1), error:E (above 0), fixed:B (a score in nats) or paper:C (above 0)";

    /// <summary>The policy that a text names, or null.</summary>
    public static AttentionPolicy? Parse(string text) => text.Split(':') switch
    {
        ["budget", string keys] when int.TryParse(keys, NumberStyles.None, CultureInfo.InvariantCulture, out int r) && r >= 1 =>
            new AttentionPolicy.Budget(r),
        ["mass", string tail] when Number(tail) is { } t and >= 0 and < 1 => new AttentionPolicy.Mass(t),
        ["fixed", string bias] when Number(bias) is { } b && float.IsFinite((float)b) => new AttentionPolicy.Fixed((float)b),
        ["error", string error] when Number(error) is { } e and > 0 => new AttentionPolicy.Error(e),
        ["paper", string scale] when Number(scale) is { } c and > 0 => new AttentionPolicy.Paper(c),
        _ => null,
    };

    /// <summary>The text that names a policy.</summary>
    public static string NameOf(AttentionPolicy policy) => policy switch
    {
        AttentionPolicy.Budget budget => string.Create(CultureInfo.InvariantCulture, $"budget:{budget.Keys}"),
        AttentionPolicy.Mass mass => string.Create(CultureInfo.InvariantCulture, $"mass:{mass.Tail}"),
        AttentionPolicy.Fixed bias => string.Create(CultureInfo.InvariantCulture, $"fixed:{bias.Bias}"),
        AttentionPolicy.Error error => string.Create(CultureInfo.InvariantCulture, $"error:{error.Relative}"),
        AttentionPolicy.Paper paper => string.Create(CultureInfo.InvariantCulture, $"paper:{paper.Scale}"),
        _ => policy.ToString(),
    };

    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value : null;
}
