namespace Halfspace.Kernels;

/// <summary>The instruction tiers a kernel can have, narrowest first.</summary>
public enum SimdTier
{
    /// <summary>Plain loops: the tests' reference, and what runs where nothing else does.</summary>
    Scalar,

    /// <summary>128-bit vectors: ARM64 (AdvSimd, with its 8-bit dot products where it has them), or SSE with FMA.</summary>
    V128,

    /// <summary>256-bit vectors (AVX2 with FMA).</summary>
    V256,

    /// <summary>256-bit vectors with 8-bit dot products (AVX-VNNI, or AVX-512 VNNI at 256 bits).</summary>
    Vnni,

    /// <summary>512-bit vectors (AVX-512 F, BW, DQ and VL).</summary>
    V512,
}
