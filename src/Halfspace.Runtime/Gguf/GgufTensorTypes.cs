namespace Halfspace.Runtime.Gguf;

/// <summary>The names of tensor types as errors show them.</summary>
internal static class GgufTensorTypes
{
    public static string Supported => string.Join(", ", Enum.GetValues<GgufTensorType>());

    /// <summary>A type's number, with its name if the format has one.</summary>
    public static string Describe(uint number)
    {
        string? name = number switch
        {
            9 => "Q8_1",
            10 => "Q2_K",
            11 => "Q3_K",
            15 => "Q8_K",
            16 => "IQ2_XXS",
            17 => "IQ2_XS",
            18 => "IQ3_XXS",
            19 => "IQ1_S",
            20 => "IQ4_NL",
            21 => "IQ3_S",
            22 => "IQ2_S",
            23 => "IQ4_XS",
            24 => "I8",
            25 => "I16",
            26 => "I32",
            27 => "I64",
            28 => "F64",
            29 => "IQ1_M",
            34 => "TQ1_0",
            35 => "TQ2_0",
            39 => "MXFP4",
            _ => null,
        };
        return name is null ? GgufText.Number(number) : $"{GgufText.Number(number)} ({name})";
    }
}
