using System.Diagnostics.CodeAnalysis;

namespace Halfspace.Runtime.Gguf;

/// <summary>
/// How a tensor's numbers are stored, with the number that the file stores for it. Blocks are consecutive elements of a row.
/// </summary>
[SuppressMessage("Naming", "CA1707", Justification = "These are the format's own names.")]
public enum GgufTensorType
{
    /// <summary>32-bit floats.</summary>
    F32 = 0,

    /// <summary>16-bit floats.</summary>
    F16 = 1,

    /// <summary>Blocks of 32: d (q − 8), q of 4 bits.</summary>
    Q4_0 = 2,

    /// <summary>Blocks of 32: d q + m, q of 4 bits.</summary>
    Q4_1 = 3,

    /// <summary>Blocks of 32: d (q − 16), q of 5 bits.</summary>
    Q5_0 = 6,

    /// <summary>Blocks of 32: d q + m, q of 5 bits.</summary>
    Q5_1 = 7,

    /// <summary>Blocks of 32: d q, q of 8 bits with sign.</summary>
    Q8_0 = 8,

    /// <summary>Blocks of 256 in eight parts: (d s) q − (e m), q of 4 bits, a part's s and m of 6.</summary>
    Q4_K = 12,

    /// <summary>Blocks of 256 in eight parts: (d s) q − (e m), q of 5 bits, a part's s and m of 6.</summary>
    Q5_K = 13,

    /// <summary>Blocks of 256 in sixteen parts: (d s) (q − 32), q of 6 bits, a part's s of 8 with sign.</summary>
    Q6_K = 14,

    /// <summary>The upper halves of 32-bit floats.</summary>
    BF16 = 30,
}
