using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Python's two ways to format text: '%s' % x, and '{}'.format(x) without format specifications.</summary>
internal static class PythonFormat
{
    private const int MaximumWidth = 10_000;

    public static StringValue Percent(string format, Value values, Interpreter interpreter)
    {
        IReadOnlyList<Value> positional = values is ListValue { IsTuple: true } tuple ? tuple.Items : [values];
        StringBuilder result = new();
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                result.Append(format[i]);
                continue;
            }

            i++;
            Value? value = null;
            if (i < format.Length && format[i] == '(')
            {
                int close = format.IndexOf(')', i);
                if (close < 0) throw new JinjaException("a format has '%(' without ')'");
                value = values is MappingValue map && map.TryGet(format[(i + 1)..close], out Value? found) ? found
                    : throw new JinjaException($"a format asks for '{format[(i + 1)..close]}', which is not given");
                i = close + 1;
            }

            int flags = i;
            while (i < format.Length && format[i] is '-' or '+' or '0' or ' ') i++;
            string flag = format[flags..Math.Min(i, format.Length)];
            int width = ReadNumber(format, ref i) ?? 0;
            int? precision = null;
            if (i < format.Length && format[i] == '.')
            {
                i++;
                precision = ReadNumber(format, ref i) ?? 0;
            }

            if (i >= format.Length) throw new JinjaException("a format ends after '%'");
            if (format[i] == '%')
            {
                result.Append('%');
                continue;
            }

            if (value is null && next >= positional.Count) throw new JinjaException("a format asks for more values than are given");
            value ??= positional[next++];
            string converted = Convert(format[i], value, flag, precision, interpreter.Budget);
            string text = Pad(converted, flag, width, isNumber: format[i] is not ('s' or 'r'));
            interpreter.Budget.Room((long)result.Length + text.Length);
            interpreter.Budget.Spend(text.Length);
            result.Append(text);
        }

        bool mayBeUnused = values is MappingValue or UndefinedValue or ListValue { IsTuple: false };   // as in Python: what has items
        if (next < positional.Count && !mayBeUnused)
            throw new JinjaException("a format does not use all the values that are given");
        interpreter.Budget.Text(result.Length);
        return new StringValue(result.ToString());
    }

    /// <summary>str.format: {}, {0} and {name}.</summary>
    public static StringValue Braces(string format, Arguments arguments, Interpreter interpreter)
    {
        StringBuilder result = new();
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            char c = format[i];
            bool doubled = i + 1 < format.Length && format[i + 1] == c;
            if (c is not ('{' or '}') || doubled)
            {
                result.Append(c);
                if (c is '{' or '}') i++;
                continue;
            }

            int close = c == '{' ? format.IndexOf('}', i) : -1;
            if (close < 0) throw new JinjaException($"a format has a single '{c}'");
            string field = format[(i + 1)..close];
            if (field.AsSpan().ContainsAny("!:{.["))
                throw new JinjaException($"the format field '{{{field}}}' is not supported, only numbers and names are");
            string text = Printer.Text(Field(field, arguments, ref next), interpreter.Budget);
            interpreter.Budget.Room((long)result.Length + text.Length);
            interpreter.Budget.Spend(text.Length);
            result.Append(text);
            i = close;
        }

        interpreter.Budget.Text(result.Length);
        return new StringValue(result.ToString());
    }

    private static Value Field(string field, Arguments arguments, ref int next)
    {
        int index = field.Length == 0 ? next++
            : int.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;
        if (index >= 0 && index < arguments.Positional.Count) return arguments.Positional[index];
        return index < 0 && arguments.Named.TryGetValue(field, out Value? value) ? value
            : throw new JinjaException($"a format asks for '{{{field}}}', which is not given");
    }

    private static int? ReadNumber(string format, ref int i)
    {
        int start = i, number = 0;
        for (; i < format.Length && char.IsAsciiDigit(format[i]); i++)
        {
            number = (number * 10) + format[i] - '0';
            if (number > MaximumWidth) throw new JinjaException($"a format's width is more than {MaximumWidth}");
        }

        return i > start ? number : null;
    }

    private static string Convert(char kind, Value value, string flag, int? precision, Budget budget)
    {
        switch (kind)
        {
            case 's' or 'r':
                string text = kind == 's' ? Printer.Text(value, budget) : Printer.Representation(value, budget);
                return precision is int most ? text[..PythonText.Index(text, most)] : text;
            case 'd' or 'i' or 'u' when Number.TryRead(value, out double number) && double.IsFinite(number):
                string digits = Number.TryRead(value, out long whole) ? whole.ToString(CultureInfo.InvariantCulture)
                    : Math.Truncate(number).ToString("F0", CultureInfo.InvariantCulture);
                return Signed(digits, flag);
            case 'x' or 'X' when Number.TryRead(value, out long bits) && bits >= 0:
                return Signed(bits.ToString(kind == 'x' ? "x" : "X", CultureInfo.InvariantCulture), flag);
            case 'f' or 'F' when Number.TryRead(value, out double real) && double.IsFinite(real):
                return Signed(real.ToString("F" + (precision ?? 6), CultureInfo.InvariantCulture), flag);
            default:
                throw new JinjaException($"the format '%{kind}' does not work on a value of type '{value.TypeName}'");
        }
    }

    private static string Signed(string digits, string flag) => digits.StartsWith('-') ? digits
        : flag.Contains('+') ? "+" + digits
        : flag.Contains(' ') ? " " + digits
        : digits;

    private static string Pad(string text, string flag, int width, bool isNumber)
    {
        if (flag.Contains('-')) return text.PadRight(width);
        if (!isNumber || !flag.Contains('0')) return text.PadLeft(width);
        int sign = text.Length > 0 && text[0] is '-' or '+' or ' ' ? 1 : 0;
        return text[..sign] + text[sign..].PadLeft(Math.Max(width - sign, 0), '0');
    }
}
