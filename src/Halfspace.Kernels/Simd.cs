using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels;

/// <summary>Which tiers this CPU has, and the one that kernels take unless told otherwise.</summary>
public static class Simd
{
    /// <summary>The variable that forces a tier: <c>scalar</c>, <c>v128</c>, <c>v256</c>, <c>vnni</c> or <c>v512</c>.</summary>
    public const string Variable = "HALFSPACE_SIMD";

    /// <summary>The tiers that run here, widest first.</summary>
    public static IReadOnlyList<SimdTier> Available { get; } = [.. Probe()];

    /// <summary>The forced tier, or the widest one that runs here.</summary>
    /// <exception cref="PlatformNotSupportedException"><see cref="Variable"/> names a tier that does not run here.</exception>
    public static SimdTier Selected { get; } = Choose(Environment.GetEnvironmentVariable(Variable));

    /// <summary>Reads a tier's name; none means the widest that runs here.</summary>
    /// <exception cref="PlatformNotSupportedException">The name is unknown, or the tier does not run on this CPU.</exception>
    public static SimdTier Choose(string? name)
    {
        if (string.IsNullOrEmpty(name)) return Available[0];
        foreach (SimdTier tier in Available)
            if (string.Equals(tier.ToString(), name, StringComparison.OrdinalIgnoreCase)) return tier;
        string names = string.Join(", ", Available).ToLowerInvariant();
        throw new PlatformNotSupportedException($"SIMD tier '{name}' does not run on this CPU. Unset {Variable} or set it to one of: {names}.");
    }

    private static IEnumerable<SimdTier> Probe()
    {
        if (Vector512.IsHardwareAccelerated && Avx512BW.IsSupported && Avx512DQ.IsSupported) yield return SimdTier.V512;
        if (AvxVnni.IsSupported) yield return SimdTier.Vnni;
        if (Vector256.IsHardwareAccelerated) yield return SimdTier.V256;
        // Sums are fused multiply-adds, which are slower than scalar code where they are not an instruction.
        if (Vector128.IsHardwareAccelerated && (AdvSimd.IsSupported || Fma.IsSupported)) yield return SimdTier.V128;
        yield return SimdTier.Scalar;
    }
}
