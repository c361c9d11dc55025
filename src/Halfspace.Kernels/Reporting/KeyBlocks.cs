using System.Runtime.InteropServices;

namespace Halfspace.Kernels.Reporting;

/// <summary>The memory layout of the sketches of attention's keys: smaller than <see cref="SketchBlocks"/>, for numbers that float16 holds.</summary>
/// <remarks>
/// A block holds 64 keys of D coordinates. First the codes: for each group of 8 coordinates 256 bytes, four a key; byte j of a key has coordinate j of
/// the group in its low nibble and coordinate j + 4 in its high one; code c in 0..15 stands for ŷ = step·(c − 7.5). Then 64 steps in float16, 64 residuals
/// in a byte each, and 64 positions of three bytes: the low two, then the high ones.
/// A residual byte b says ‖y − ŷ‖ ≤ b·step·√D/255, with an allowance for rounding. D/2 + 6 bytes a key: at d = 64 less than 15 % of its key and value.
/// </remarks>
public static class KeyBlocks
{
    /// <summary>Keys in a block.</summary>
    public const int Keys = SketchBlocks.Points;

    /// <summary>Positions are below it.</summary>
    public const int MaxPosition = 1 << 24;

    /// <summary>Bytes of a block of keys of <paramref name="padded"/> coordinates, a multiple of 8.</summary>
    public static int Bytes(int padded) => CodeBytes(padded) + (6 * Keys);

    /// <summary>Where the steps begin in a block.</summary>
    internal static int CodeBytes(int padded) => padded * Keys / 2;

    /// <summary>The part of a block that holds its keys' positions.</summary>
    public static ReadOnlySpan<byte> Positions(ReadOnlySpan<byte> block, int padded) =>
        block.Slice(CodeBytes(padded) + (3 * Keys), 3 * Keys);

    /// <summary>The position of the key in a slot.</summary>
    /// <param name="positions">What <see cref="Positions"/> returned.</param>
    /// <param name="slot">Below 64.</param>
    public static int Position(ReadOnlySpan<byte> positions, int slot) =>
        MemoryMarshal.Cast<byte, ushort>(positions)[slot] | (positions[(2 * Keys) + slot] << 16);

    /// <summary>The position of the key in a slot.</summary>
    public static int Position(ReadOnlySpan<byte> block, int padded, int slot) => Position(Positions(block, padded), slot);

    /// <summary>An upper bound of ‖y − ŷ‖ of the key in a slot.</summary>
    public static float Residual(ReadOnlySpan<byte> block, int padded, int slot) =>
        (float)Steps(block, padded)[slot] * block[CodeBytes(padded) + (2 * Keys) + slot] * Unit(padded);

    /// <summary>What a residual byte counts, in steps; rounded up.</summary>
    internal static float Unit(int padded) => MathF.BitIncrement((float)(Math.Sqrt(padded) / 255));

    /// <summary>The step of each slot's codes.</summary>
    public static ReadOnlySpan<Half> Steps(ReadOnlySpan<byte> block, int padded) =>
        MemoryMarshal.Cast<byte, Half>(block[CodeBytes(padded)..])[..Keys];

    /// <summary>Writes all of a slot but its codes.</summary>
    internal static void Write(Span<byte> block, int padded, int slot, Half step, byte residual, int position)
    {
        Span<byte> factors = block[CodeBytes(padded)..];
        MemoryMarshal.Cast<byte, Half>(factors)[slot] = step;
        factors[(2 * Keys) + slot] = residual;
        MemoryMarshal.Cast<byte, ushort>(factors[(3 * Keys)..])[slot] = (ushort)position;
        factors[(5 * Keys) + slot] = (byte)(position >> 16);
    }
}
