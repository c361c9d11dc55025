using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Dates in the directives of strftime, in English.</summary>
internal static class TimeFormat
{
    public static string Write(DateTimeOffset time, string format, Budget budget)
    {
        StringBuilder text = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }

            if (++i >= format.Length) throw new JinjaException("a time format ends after '%'");
            bool unpadded = format[i] == '-' && i + 1 < format.Length;   // as in C's library on Linux
            if (unpadded) i++;
            string part = Directive(time, format[i]);
            text.Append(unpadded && part.Length > 1 ? part.TrimStart('0', ' ') is { Length: > 0 } trimmed ? trimmed : "0" : part);
            budget.Text(part.Length);
        }

        budget.Text(text.Length);
        return text.ToString();
    }

    private static string Directive(DateTimeOffset time, char directive) => directive switch
    {
        '%' => "%",
        'n' => "\n",
        't' => "\t",
        'd' => Text(time, "dd"),
        'e' => time.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
        'm' => Text(time, "MM"),
        'b' or 'h' => Text(time, "MMM"),
        'B' => Text(time, "MMMM"),
        'y' => Text(time, "yy"),
        'Y' => Text(time, "yyyy"),
        'a' => Text(time, "ddd"),
        'A' => Text(time, "dddd"),
        'H' => Text(time, "HH"),
        'I' => Text(time, "hh"),
        'M' => Text(time, "mm"),
        'S' => Text(time, "ss"),
        'p' => Text(time, "tt"),
        'f' => Text(time, "ffffff"),
        'j' => time.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
        'u' => (((int)time.DayOfWeek + 6) % 7 + 1).ToString(CultureInfo.InvariantCulture),
        'w' => ((int)time.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'F' => Text(time, "yyyy-MM-dd"),
        'T' => Text(time, "HH:mm:ss"),
        'R' => Text(time, "HH:mm"),
        'D' => Text(time, "MM/dd/yy"),
        _ => throw new JinjaException($"the time format '%{directive}' is not supported"),
    };

    private static string Text(DateTimeOffset time, string format) => time.ToString(format, CultureInfo.InvariantCulture);
}
