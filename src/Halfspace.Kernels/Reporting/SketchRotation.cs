using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Halfspace.Kernels.Reporting;

/// <summary>A seeded orthogonal map R of ℝᵈ into ℝᴰ, D = d rounded up to a multiple of 8: random signs, then a Walsh–Hadamard transform of
/// the first 2ᵏ ≤ D coordinates, and where that is not all of them, again of the last 2ᵏ.</summary>
/// <remarks>It spreads outlier channels over all coordinates, so that one scale a point suits them. O(D log D).</remarks>
public sealed class SketchRotation
{
    private readonly double[] _signs;
    private readonly double[] _secondSigns;
    private readonly float[] _floatSigns;
    private readonly float[] _floatSecondSigns;
    private readonly int _span;

    /// <summary>The map of a seed.</summary>
    /// <param name="dimension">d, at most 65,536.</param>
    /// <param name="seed">Equal seeds give equal maps everywhere.</param>
    public SketchRotation(int dimension, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dimension, 1 << 16);
        Dimension = dimension;
        Seed = seed;
        Padded = (dimension + 7) & ~7;
        _span = 1 << int.Log2(Padded);
        ulong state = (ulong)seed;
        _signs = Signs(ref state, Padded, 1 / Math.Sqrt(_span), _span);
        _secondSigns = Signs(ref state, Padded, 1 / Math.Sqrt(_span), _span, fromEnd: true);
        _floatSigns = Array.ConvertAll(_signs, sign => (float)sign);
        _floatSecondSigns = Array.ConvertAll(_secondSigns, sign => (float)sign);
    }

    /// <summary>d.</summary>
    public int Dimension { get; }

    /// <summary>D.</summary>
    public int Padded { get; }

    /// <summary>What the signs come from.</summary>
    public long Seed { get; }

    /// <summary>Coordinates that a transform mixes: the first of them, and where that is not D, then the last.</summary>
    internal int Span => _span;

    internal ReadOnlySpan<float> FloatSigns => _floatSigns;

    internal ReadOnlySpan<float> FloatSecondSigns => _floatSecondSigns;

    /// <summary>x becomes Rx.</summary>
    /// <param name="x">[D]; coordinates from d on are 0.</param>
    public void Apply(Span<double> x)
    {
        if (x.Length != Padded) throw new ArgumentException($"The rotation takes {Padded} coordinates; there are {x.Length}.", nameof(x));
        for (int i = 0; i < x.Length; i++) x[i] *= _signs[i];
        Hadamard(x[.._span]);
        if (_span == Padded) return;
        for (int i = 0; i < x.Length; i++) x[i] *= _secondSigns[i];
        Hadamard(x[^_span..]);
    }

    // Signs, with the transform's scale in the coordinates it will mix.
    private static double[] Signs(ref ulong state, int count, double scale, int span, bool fromEnd = false)
    {
        double[] signs = new double[count];
        for (int i = 0; i < count; i++)
        {
            bool mixed = fromEnd ? i >= count - span : i < span;
            signs[i] = ((Next(ref state) >> 63) == 0 ? 1 : -1) * (mixed ? scale : 1);
        }

        return signs;
    }

    // SplitMix64: the sequence must be the same on every machine and version, which System.Random does not promise.
    private static ulong Next(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    private static void Hadamard(Span<double> x)
    {
        // Sums and differences of neighbours, then of pairs, within registers; D, and so what is mixed, is at least 8.
        Vector256<double> ones = Vector256.Create(1.0, -1, 1, -1), pairs = Vector256.Create(1.0, 1, -1, -1);
        foreach (ref Vector256<double> lane in MemoryMarshal.Cast<double, Vector256<double>>(x))
        {
            Vector256<double> sums = (lane * ones) + Vector256.Shuffle(lane, Vector256.Create(1L, 0, 3, 2));
            lane = (sums * pairs) + Vector256.Shuffle(sums, Vector256.Create(2L, 3, 0, 1));
        }

        for (int half = 4; half < x.Length; half *= 2)
        {
            for (int start = 0; start < x.Length; start += 2 * half)
            {
                ref double low = ref x[start], high = ref x[start + half];
                int i = 0;
                for (; i + Vector<double>.Count <= half; i += Vector<double>.Count)
                {
                    Vector<double> a = Vector.LoadUnsafe(ref low, (nuint)i), b = Vector.LoadUnsafe(ref high, (nuint)i);
                    (a + b).StoreUnsafe(ref low, (nuint)i);
                    (a - b).StoreUnsafe(ref high, (nuint)i);
                }

                for (; i < half; i++)
                {
                    double a = Unsafe.Add(ref low, i), b = Unsafe.Add(ref high, i);
                    (Unsafe.Add(ref low, i), Unsafe.Add(ref high, i)) = (a + b, a - b);
                }
            }
        }
    }
}
