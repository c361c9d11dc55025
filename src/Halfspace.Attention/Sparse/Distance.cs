using System.Numerics;
using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>Norms and products, in float.</summary>
internal static class Distance
{
    /// <summary>‖a − b‖₂.</summary>
    public static double Between(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ref float x = ref MemoryMarshal.GetReference(a), y = ref MemoryMarshal.GetReference(b);
        Vector<float> squares = Vector<float>.Zero;
        int i = 0;
        for (; i <= a.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> off = Vector.LoadUnsafe(ref x, (nuint)i) - Vector.LoadUnsafe(ref y, (nuint)i);
            squares += off * off;
        }
        float sum = Vector.Sum(squares);
        for (; i < a.Length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
        return Math.Sqrt(sum);
    }

    /// <summary>‖a‖₂.</summary>
    public static double Norm(ReadOnlySpan<float> a) => Math.Sqrt(Product(a, a));

    /// <summary>⟨a, b⟩.</summary>
    public static double Product(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ref float x = ref MemoryMarshal.GetReference(a), y = ref MemoryMarshal.GetReference(b);
        Vector<float> products = Vector<float>.Zero;
        int i = 0;
        for (; i <= a.Length - Vector<float>.Count; i += Vector<float>.Count)
            products += Vector.LoadUnsafe(ref x, (nuint)i) * Vector.LoadUnsafe(ref y, (nuint)i);
        float sum = Vector.Sum(products);
        for (; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
