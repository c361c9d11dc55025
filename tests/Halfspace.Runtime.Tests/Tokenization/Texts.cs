using System.Text;
using CsCheck;

namespace Halfspace.Runtime.Tests.Tokenization;

/// <summary>Generated texts: any code points, and ones whose kinds meet often.</summary>
internal static class Texts
{
    public const string Seed = "0000K1mzqH5f";

    /// <summary>Code points of every plane, never a lone surrogate.</summary>
    public static readonly Gen<string> Any =
        Gen.Frequency((4, Gen.Int[0, 0x7F]), (2, Gen.Int[0x80, 0x2FFF]), (1, Gen.Int[0x3000, 0xD7FF]), (1, Gen.Int[0xE000, 0x10FFFF]))
            .Array[0, 60].Select(points => string.Concat(points.Select(point => new Rune(point).ToString())));

    /// <summary>Letters, digits, marks and white space, each a UTF-16 unit, in short and long runs.</summary>
    public static readonly Gen<string> Kinds =
        Gen.Select(Gen.OneOf([.. "aZßжé中'sTReLvdm'' \t\n\r\u00A0\u3000\u20280٣½Ⅷ.,-_…€\u0301\0"]), Gen.Int[1, 4])
            .Array[0, 24].Select(runs => string.Concat(runs.Select(run => new string(run.Item1, run.Item2))));
}
