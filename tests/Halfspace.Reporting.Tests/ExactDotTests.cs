using System.Numerics;
using CsCheck;
using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting.Tests;

/// <summary>A score is a real number: compared with whole-number arithmetic.</summary>
public sealed class ExactDotTests
{
    // Any finite float: all exponents, subnormals, both signs.
    private static readonly Gen<float> AnyFloat = Gen.UInt.Where(bits => (bits & 0x7F800000) != 0x7F800000).Select(BitConverter.UInt32BitsToSingle);

    private static readonly Gen<(float[] A, float[] X)> Vectors =
        Gen.Int[1, 20].SelectMany(d => Gen.Select(AnyFloat.Array[d], AnyFloat.Array[d]));

    [Fact]
    public void Decides_as_whole_numbers_do() =>
        Gen.Select(Vectors, AnyFloat).Sample((vectors, bias) =>
        {
            BigInteger score = Dot(vectors.A, vectors.X);
            Assert.Equal(score >= Scaled(bias, 300), ExactDot.AtLeast<float>(vectors.A, vectors.X, bias));
        }, seed: "0000Exact0001", iter: 20_000);

    [Fact]
    public void Rounds_once() =>
        Vectors.Sample(vectors =>
        {
            double rounded = ExactDot.Rounded<float>(vectors.A, vectors.X);
            BigInteger exact = Dot(vectors.A, vectors.X);
            BigInteger distance = BigInteger.Abs(Scaled(rounded) - exact);
            Assert.True(distance <= BigInteger.Abs(Scaled(Math.BitIncrement(rounded)) - exact));
            Assert.True(distance <= BigInteger.Abs(Scaled(Math.BitDecrement(rounded)) - exact));
        }, seed: "0000Exact0001", iter: 20_000);

    [Fact]
    public void Cancellation_is_seen()
    {
        float[] a = [1e30f, 1e-30f, -1e30f], x = [1e30f, 1e-30f, 1e30f];
        Assert.True(ExactDot.AtLeast<float>(a, x, 0));
        x[1] = -1e-30f;
        Assert.False(ExactDot.AtLeast<float>(a, x, 0));
        Assert.Equal(-(double)1e-30f * 1e-30f, ExactDot.Rounded<float>(a, x));
    }

    [Theory, MemberData(nameof(Tiers))]
    public void Every_tier_decides_near_ties_alike(SimdTier tier)
    {
        ReportKernel kernel = ReportKernel.For(tier);
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 12], Gen.Int[0, 1 << 30]).Sample((d, n, seed) =>
        {
            Random random = new(seed);
            float[] a = [.. Enumerable.Range(0, d).Select(_ => random.NextSingle() - 0.5f)];
            float[] rows = [.. Enumerable.Range(0, n * d).Select(_ => random.NextSingle() - 0.5f)];

            // The bias is a point's score rounded to float: that point is within half a unit of a tie.
            float bias = (float)ExactDot.Rounded(a, (ReadOnlySpan<float>)rows.AsSpan(0, d));
            PointSet points = PointSet.From(rows, d);
            HalfspaceTest test = new(a, bias, points.MaxNorm);
            int[] hits = new int[n];
            int found = kernel.Scan(test, rows, 0, hits);
            int[] expected = [.. Enumerable.Range(0, n).Where(i => Dot(a, rows[(i * d)..((i + 1) * d)]) >= Scaled(bias, 300))];
            Assert.Equal(expected, hits[..found]);
            found = kernel.Select(test, rows, [.. Enumerable.Range(0, n)], hits);
            Assert.Equal(expected, hits[..found]);
        }, seed: "0000Exact0001", iter: 300);
    }

    public static TheoryData<SimdTier> Tiers() => [.. Simd.Available];

    // Whole numbers of 2^-600: a product of two floats in units of 2^-300 each.
    private static BigInteger Dot(float[] a, float[] x)
    {
        BigInteger sum = 0;
        for (int i = 0; i < a.Length; i++) sum += Scaled(a[i], 0) * Scaled(x[i], 0);
        return sum;
    }

    private static BigInteger Scaled(float value, int more) => Scaled(value, 300L + more);

    private static BigInteger Scaled(double value) => Scaled(value, 600L);

    private static BigInteger Scaled(double value, long exponent)
    {
        if (value == 0) return 0;
        int e = Math.ILogB(value);
        BigInteger significand = (BigInteger)Math.ScaleB(value, 52 - e);
        long shift = e - 52 + exponent;
        return shift >= 0 ? significand << (int)shift : significand >> (int)-shift;
    }
}
