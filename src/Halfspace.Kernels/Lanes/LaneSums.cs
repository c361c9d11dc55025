using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Lanes;

/// <summary>Sums of four registers at once: cheaper than one by one.</summary>
internal static class LaneSums
{
    /// <summary>The sums of the lanes of a, b, c and d.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Four<T>(T a, T b, T c, T d) where T : struct, ILane<T>
    {
        if (typeof(T) == typeof(Lane512) && Avx.IsSupported) return Four(Fold(a), Fold(b), Fold(c), Fold(d));
        if (typeof(T) == typeof(Lane256) && Avx.IsSupported) return Four(Whole(a), Whole(b), Whole(c), Whole(d));
        if (typeof(T) == typeof(Lane128)) return Lane128.Sums(Narrow(a), Narrow(b), Narrow(c), Narrow(d));
        return Vector128.Create(T.Sum(a), T.Sum(b), T.Sum(c), T.Sum(d));
    }

    private static Lane128 Narrow<T>(T lanes) where T : struct => Unsafe.BitCast<T, Lane128>(lanes);

    private static Vector256<float> Whole<T>(T lanes) where T : struct => Unsafe.BitCast<T, Vector256<float>>(lanes);

    private static Vector256<float> Fold<T>(T lanes) where T : struct
    {
        Vector512<float> all = Unsafe.BitCast<T, Vector512<float>>(lanes);
        return all.GetLower() + all.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Four(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        Vector256<float> pairs = Avx.HorizontalAdd(Avx.HorizontalAdd(a, b), Avx.HorizontalAdd(c, d));
        return pairs.GetLower() + pairs.GetUpper();
    }
}
