using System.Globalization;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Numbers as Python reads and writes them. A boolean counts as 0 or 1.</summary>
internal static class Number
{
    public static bool TryRead(Value value, out double number)
    {
        number = value is FloatValue f ? f.Number : TryRead(value, out long integer) ? integer : 0;
        return value is FloatValue or IntegerValue or BooleanValue;
    }

    public static bool TryRead(Value value, out long integer)
    {
        integer = value switch
        {
            IntegerValue i => i.Number,
            BooleanValue b => b.IsTrue ? 1 : 0,
            _ => 0,
        };
        return value is IntegerValue or BooleanValue;
    }

    /// <summary>An integer that a function needs, e.g. a count or a width.</summary>
    public static long Require(Value value, string what) => value is UndefinedValue undefined ? throw undefined.Failure()
        : TryRead(value, out long integer) ? integer
        : throw new JinjaException($"{what} must be an integer, not '{value.TypeName}'");

    /// <summary>As int(text, base): spaces around, a sign, and single underscores between digits. Base 0 reads prefixes.</summary>
    public static bool TryParseInteger(string text, int numberBase, out long number)
    {
        number = 0;
        ReadOnlySpan<char> rest = PythonText.Strip(text, null);
        bool negative = rest.StartsWith('-');
        if (negative || rest.StartsWith('+')) rest = rest[1..];
        int prefixBase = rest.Length <= 2 || rest[0] != '0' ? 0
            : rest[1] switch { 'x' or 'X' => 16, 'o' or 'O' => 8, 'b' or 'B' => 2, _ => 0 };
        if (prefixBase > 0 && (numberBase == 0 || numberBase == prefixBase))
        {
            numberBase = prefixBase;
            rest = rest[2..].TrimStart('_');
        }

        if (numberBase == 0) numberBase = 10;
        if (rest.IsEmpty || rest[0] == '_' || rest[^1] == '_' || rest.IndexOf("__", StringComparison.Ordinal) >= 0) return false;
        ulong value = 0, limit = (ulong)long.MaxValue + (negative ? 1u : 0);
        foreach (char c in rest)
        {
            if (c == '_') continue;
            int digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : int.MaxValue;
            if (digit >= numberBase) return false;
            if (value > (limit - (ulong)digit) / (ulong)numberBase) return false;
            value = (value * (ulong)numberBase) + (ulong)digit;
        }

        number = negative ? unchecked(-(long)value) : (long)value;
        return true;
    }

    public static bool TryParseFloat(string text, out double number)
    {
        string stripped = PythonText.Strip(text, null);
        string plain = stripped.TrimStart('+', '-').ToLowerInvariant();
        if (plain is "inf" or "infinity" or "nan")
        {
            number = plain == "nan" ? double.NaN : stripped[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            return stripped.Length - plain.Length <= 1;
        }

        number = 0;
        if (stripped.StartsWith('_') || stripped.EndsWith('_') || stripped.Contains("__", StringComparison.Ordinal)) return false;
        NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return plain.Length > 0 && plain[0] is '.' or (>= '0' and <= '9')
            && double.TryParse(stripped.Replace("_", "", StringComparison.Ordinal), style, CultureInfo.InvariantCulture, out number);
    }

    /// <summary>The shortest text that reads back equal, in Python's form: 1.0, 1e+16, 1e-05, inf, nan.</summary>
    public static string Text(double number)
    {
        if (double.IsNaN(number)) return "nan";
        if (double.IsInfinity(number)) return number > 0 ? "inf" : "-inf";
        string shortest = number.ToString("R", CultureInfo.InvariantCulture);
        string sign = shortest.StartsWith('-') ? "-" : "";
        (string digits, int exponent) = Digits(shortest.TrimStart('-'));
        if (exponent is < -4 or >= 16)
        {
            string fraction = digits.Length > 1 ? "." + digits[1..] : "";
            string power = Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);
            return $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{power}";
        }

        if (exponent < 0) return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        string whole = digits.PadRight(exponent + 1, '0');
        return $"{sign}{whole[..(exponent + 1)]}.{(whole.Length > exponent + 1 ? whole[(exponent + 1)..] : "0")}";
    }

    /// <summary>The significant digits, and the power of ten of the first.</summary>
    private static (string Digits, int Exponent) Digits(string shortest)
    {
        int exponent = 0;
        if (shortest.IndexOf('E', StringComparison.Ordinal) is int e and >= 0)
        {
            exponent = int.Parse(shortest.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            shortest = shortest[..e];
        }

        int point = shortest.IndexOf('.', StringComparison.Ordinal);
        string digits = shortest.Replace(".", "", StringComparison.Ordinal);
        exponent += (point < 0 ? digits.Length : point) - 1;
        string significant = digits.TrimStart('0');
        if (significant.Length == 0) return ("0", 0);
        exponent -= digits.Length - significant.Length;
        significant = significant.TrimEnd('0');
        return (significant, exponent);
    }

    /// <summary>An arithmetic result that must fit in 64 bits.</summary>
    public static IntegerValue Checked(Int128 number) => number >= long.MinValue && number <= long.MaxValue
        ? new IntegerValue((long)number)
        : throw new JinjaException("a number leaves the range of 64-bit integers");
}
