using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The escapes of Python's string literals.</summary>
internal static class StringLiteral
{
    public static string NormaliseNewlines(string text) =>
        text.Contains('\r') ? text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n') : text;

    /// <summary>The value of what stands between the quotes.</summary>
    public static string Unescape(ReadOnlySpan<char> body, int line)
    {
        if (!body.Contains('\\')) return body.ToString();
        StringBuilder text = new(body.Length);
        for (int i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\')
            {
                text.Append(body[i]);
                continue;
            }

            char c = body[++i];   // the lexer has seen a character after every backslash
            switch (c)
            {
                case '\n': break;
                case '\\' or '\'' or '"': text.Append(c); break;
                case 'a': text.Append('\a'); break;
                case 'b': text.Append('\b'); break;
                case 'f': text.Append('\f'); break;
                case 'n': text.Append('\n'); break;
                case 'r': text.Append('\r'); break;
                case 't': text.Append('\t'); break;
                case 'v': text.Append('\v'); break;
                case >= '0' and <= '7': i += Octal(body[i..], text) - 1; break;
                case 'x': i += Hex(body[(i + 1)..], 2, text, line); break;
                case 'u': i += Hex(body[(i + 1)..], 4, text, line); break;
                case 'U': i += Hex(body[(i + 1)..], 8, text, line); break;
                case 'N': throw new JinjaException("a string names a character with \\N, which is not supported", line);
                default: text.Append('\\').Append(c); break;
            }
        }

        return text.ToString();
    }

    private static int Octal(ReadOnlySpan<char> digits, StringBuilder text)
    {
        int length = 0, code = 0;
        while (length < 3 && length < digits.Length && digits[length] is >= '0' and <= '7') code = (code * 8) + digits[length++] - '0';
        text.Append((char)code);
        return length;
    }

    private static int Hex(ReadOnlySpan<char> digits, int length, StringBuilder text, int line)
    {
        if (digits.Length < length
            || !uint.TryParse(digits[..length], NumberStyles.AllowHexSpecifier, null, out uint code)
            || code > 0x10FFFF)
            throw new JinjaException("a string has a broken \\x, \\u or \\U escape", line);
        if (code > 0xFFFF) text.Append(char.ConvertFromUtf32((int)code));
        else text.Append((char)code);
        return length;
    }
}
