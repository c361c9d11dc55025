using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Gguf;

/// <summary>Names from a file as an error may show them: short, and without characters that a terminal would obey.</summary>
internal static class GgufText
{
    private const int Shown = 64;

    /// <summary>UTF-8 that throws on bytes which are no text.</summary>
    public static UTF8Encoding Strict { get; } = new(false, true);

    public static string Quote(string name)
    {
        StringBuilder quoted = new("'", Shown + 4);
        foreach (char c in name.AsSpan(0, Math.Min(name.Length, Shown)))
            quoted.Append(char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format ? '?' : c);
        return quoted.Append(name.Length > Shown ? "…'" : "'").ToString();
    }

    public static string Quote(ReadOnlySpan<byte> bytes) => Quote(Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, 4 * Shown)]));

    public static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
