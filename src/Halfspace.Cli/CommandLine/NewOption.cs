using System.CommandLine;
using System.Globalization;

namespace Halfspace.Cli.CommandLine;

/// <summary>Makes options whose values are checked while parsing, each with a sentence that says what is allowed.</summary>
internal static class NewOption
{
    /// <summary>A whole number from <paramref name="least"/> on; null when it is not given.</summary>
    public static Option<int?> Whole(string name, string placeholder, int least, string description, int most = int.MaxValue)
    {
        string range = most == int.MaxValue ? $"from {least}" : $"from {least} to {most}";
        return new Option<int?>(name)
        {
            HelpName = placeholder,
            Description = description,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
                    && value >= least && value <= most) return value;
                result.AddError($"{name} {text} is not possible; give a whole number {range}.");
                return null;
            },
        };
    }

    /// <summary>A number that <paramref name="fits"/>; null when it is not given.</summary>
    public static Option<double?> Real(
        string name, string placeholder, string description, Func<double, bool> fits, string range) => new(name)
        {
            HelpName = placeholder,
            Description = description,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
                    && double.IsFinite(value) && fits(value)) return value;
                result.AddError($"{name} {text} is not possible; give a number {range}.");
                return null;
            },
        };

    /// <summary>A text that <paramref name="fits"/>; null when it is not given.</summary>
    public static Option<string?> Text(
        string name, string placeholder, string description, Func<string, bool> fits, string allowed) => new(name)
        {
            HelpName = placeholder,
            Description = description,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (fits(text)) return text;
                result.AddError($"{name} {text} is not possible; give {allowed}.");
                return null;
            },
        };

    /// <summary>A text; null when it is not given.</summary>
    public static Option<string?> Text(string name, string placeholder, string description) =>
        new(name) { HelpName = placeholder, Description = description };

    /// <summary>A switch.</summary>
    public static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    /// <summary>Values with commas between them, at most <paramref name="most"/>; empty when it is not given.</summary>
    public static Option<T[]> List<T>(
        string name, string placeholder, string description, Func<string, T?> parse, string allowed, int most = int.MaxValue)
        where T : struct => new(name)
        {
            HelpName = placeholder,
            Description = description,
            CustomParser = result =>
            {
                List<T> values = [];
                foreach (string part in result.Tokens[0].Value.Split(','))
                {
                    if (values.Count < most && parse(part.Trim()) is { } value)
                    {
                        values.Add(value);
                        continue;
                    }

                    result.AddError($"{name} {result.Tokens[0].Value} is not possible; give {allowed}.");
                    return null;
                }

                return [.. values];
            },
        };
}
