namespace Halfspace.Kernels;

/// <summary>The instruction tiers a kernel can have, narrowest first.</summary>
public enum SimdTier
{
    /// <summary>Plain loops: the tests' reference, and what runs where nothing else does.</summary>
    Scalar,

    /// <summary>256-bit vectors (AVX2 with FMA); 128-bit pairs on ARM64.</summary>
    V256,

    /// <summary>256-bit vectors with 8-bit dot products (AVX-VNNI, or AVX-512 VNNI at 256 bits).</summary>
    Vnni,

    /// <summary>512-bit vectors (AVX-512 F, BW, DQ and VL).</summary>
    V512,
}
