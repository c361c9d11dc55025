namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Formats of strings that are generated as they should be: those that .NET's serializer writes for its own types. Others are
/// annotations.</summary>
internal static class StringFormats
{
    // RFC 3339; the 29th of February is left out, since it is not of every year.
    private const string Date = "[1-9]\\d{3}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))";

    private const string Time = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,7})?(Z|[+-](0\\d|1[0-3]):[0-5]\\d)";

    private const string Hex4 = "[0-9a-f]{4}";

    /// <summary>The pattern of a format, or null.</summary>
    public static string? Pattern(string format) => format switch
    {
        "date" => $"^{Date}$",
        "date-time" => $"^{Date}T{Time}$",
        "uuid" => $"^{Hex4}{Hex4}-{Hex4}-{Hex4}-{Hex4}-{Hex4}{Hex4}{Hex4}$",
        _ => null,
    };
}
