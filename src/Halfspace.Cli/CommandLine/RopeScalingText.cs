using System.Globalization;

namespace Halfspace.Cli.CommandLine;

/// <summary>The form of <c>--rope-scaling</c>, so that a wrong one is wrong usage before a model is read.</summary>
internal static class RopeScalingText
{
    public static bool IsValid(string text) => text.Split(':') switch
    {
        ["none"] => true,
        ["linear" or "ntk" or "yarn", string factor] =>
            double.TryParse(factor, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value is >= 1 and <= 1024,
        _ => false,
    };
}
