using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>Asks for memory before it is needed; a hint that changes no result.</summary>
internal static class Prefetch
{
    private const int LineBytes = 64;

    /// <summary>The cache lines of some bytes, at least one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Lines(ref byte first, int bytes)
    {
        if (!Sse.IsSupported) return;
        byte* line = (byte*)Unsafe.AsPointer(ref first), end = line + bytes;
        do
        {
            Sse.Prefetch0(line);
            line += LineBytes;
        }
        while (line < end);
    }
}
