using System.Buffers;
using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>What Python's strings do otherwise than .NET's: their whitespace, and their counting by code points.</summary>
internal static class PythonText
{
    public static bool IsWhitespace(char c) => c is <= ' ' ? c is ' ' or (>= '\t' and <= '\r') or (>= '\u001c' and <= '\u001f')
        : c is '\u0085' or '\u00a0' or '\u1680' or (>= '\u2000' and <= '\u200a')
            or '\u2028' or '\u2029' or '\u202f' or '\u205f' or '\u3000';

    public static int LeadingWhitespace(ReadOnlySpan<char> text)
    {
        int length = 0;
        while (length < text.Length && IsWhitespace(text[length])) length++;
        return length;
    }

    /// <summary>The length without the whitespace at the end.</summary>
    public static int LengthBeforeWhitespace(ReadOnlySpan<char> text)
    {
        int length = text.Length;
        while (length > 0 && IsWhitespace(text[length - 1])) length--;
        return length;
    }

    public static string StripStart(string text) => text[LeadingWhitespace(text)..];

    public static string StripEnd(string text) => text[..LengthBeforeWhitespace(text)];

    /// <summary>Takes characters off the ends; whitespace if <paramref name="characters"/> is null.</summary>
    public static string Strip(string text, string? characters, bool start = true, bool end = true)
    {
        if (characters is null)
        {
            if (end) text = StripEnd(text);
            return start ? StripStart(text) : text;
        }

        HashSet<Rune> taken = [.. characters.EnumerateRunes()];
        int first = 0, last = text.Length;
        while (start && Rune.DecodeFromUtf16(text.AsSpan(first, last - first), out Rune rune, out int length) == OperationStatus.Done
            && taken.Contains(rune))
        {
            first += length;
        }

        while (end && Rune.DecodeLastFromUtf16(text.AsSpan(first, last - first), out Rune rune, out int length) == OperationStatus.Done
            && taken.Contains(rune))
        {
            last -= length;
        }

        return text[first..last];
    }

    /// <summary>The number of code points.</summary>
    public static int Count(string text) => Offset(text, text.Length);

    /// <summary>Code points before a UTF-16 index.</summary>
    public static int Offset(string text, int index)
    {
        if (!HasSurrogates(text)) return index;
        int count = 0;
        for (int i = 0; i < index; i += CharsAt(text, i)) count++;
        return count;
    }

    /// <summary>The UTF-16 index of a code point; the length if there are fewer.</summary>
    public static int Index(string text, int offset)
    {
        if (!HasSurrogates(text)) return Math.Min(offset, text.Length);
        int i = 0;
        for (; offset > 0 && i < text.Length; offset--) i += CharsAt(text, i);
        return i;
    }

    /// <summary>The code points, each as a text.</summary>
    public static List<string> Characters(string text)
    {
        List<string> characters = new(text.Length);
        for (int i = 0; i < text.Length; i += characters[^1].Length) characters.Add(text.Substring(i, CharsAt(text, i)));
        return characters;
    }

    /// <summary>The lines without their ends, by Python's set of line ends.</summary>
    public static List<string> Lines(string text)
    {
        List<string> lines = [];
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (!IsLineEnd(text[i])) continue;
            lines.Add(text[start..i]);
            if (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n') i++;
            start = i + 1;
        }

        if (start < text.Length) lines.Add(text[start..]);
        return lines;
    }

    public static string Capitalise(string text)
    {
        int first = text.Length == 0 ? 0 : CharsAt(text, 0);
        return text[..first].ToUpperInvariant() + text[first..].ToLowerInvariant();
    }

    /// <summary>A capital after everything that is not a letter, as str.title does.</summary>
    public static string Title(string text)
    {
        StringBuilder result = new(text.Length);
        bool inside = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append(inside ? Rune.ToLowerInvariant(rune) : Rune.ToUpperInvariant(rune));
            inside = Rune.IsLetter(rune);
        }

        return result.ToString();
    }

    public static bool IsUpper(string text) => IsCased(text, UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter);

    public static bool IsLower(string text) => IsCased(text, UnicodeCategory.LowercaseLetter, UnicodeCategory.UppercaseLetter);

    private static bool IsCased(string text, UnicodeCategory wanted, UnicodeCategory other)
    {
        bool found = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            UnicodeCategory category = Rune.GetUnicodeCategory(rune);
            if (category == other || category == UnicodeCategory.TitlecaseLetter) return false;
            found |= category == wanted;
        }

        return found;
    }

    private static bool IsLineEnd(char c) =>
        c is (>= '\n' and <= '\r') or (>= '\u001c' and <= '\u001e') or '\u0085' or '\u2028' or '\u2029';

    private static bool HasSurrogates(string text) => text.AsSpan().ContainsAnyInRange('\ud800', '\udfff');

    private static int CharsAt(string text, int i) =>
        char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) ? 2 : 1;
}
