namespace Halfspace.Kernels.Tests;

/// <summary>Every tier that runs here.</summary>
internal static class Tiers
{
    public static TheoryData<SimdTier> All => [.. Simd.Available];

    /// <summary>Head widths: whole registers and not, for every tier.</summary>
    public static readonly int[] Dims = [8, 16, 24, 64, 72, 80, 96, 120, 128, 256];
}
