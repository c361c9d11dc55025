using System.Numerics;
using CsCheck;
using Halfspace.Reporting.Geometry;

namespace Halfspace.Reporting.Tests;

/// <summary>Orientation against fractions of whole numbers.</summary>
public sealed class OrientationTests
{
    private const string Seed = "0000Orient001";

    private static readonly Gen<float> AnyFloat = Gen.UInt.Where(bits => (bits & 0x7F800000) != 0x7F800000).Select(BitConverter.UInt32BitsToSingle);

    private static readonly Gen<double> AnyDouble =
        Gen.ULong.Where(bits => (bits & 0x7FF0_0000_0000_0000) != 0x7FF0_0000_0000_0000).Select(BitConverter.UInt64BitsToDouble);

    // Any exponents, equal ones, few different values, and whole numbers.
    private static readonly Gen<Func<int, double[]>> Coordinates = Gen.Select(Gen.Int[0, 4], Gen.Int[0, int.MaxValue - 1], AnyFloat.Array[6], AnyDouble.Array[12])
        .Select((kind, seed, floats, doubles) => (Func<int, double[]>)(count =>
        {
            Random random = new(seed);
            return [.. Enumerable.Range(0, count).Select(i => kind switch
            {
                0 => doubles[i],
                1 => floats[random.Next(6)],
                2 => floats[random.Next(2)] * (double)random.Next(-2, 3),
                3 => random.Next(-3, 4),
                _ => random.NextSingle() * 1e-3f,
            })];
        }));

    [Fact]
    public void In_the_plane_as_whole_numbers_say() =>
        Coordinates.Sample(make =>
        {
            double[] x = make(6);
            BigInteger[] v = [.. x.Select(Scaled)];
            BigInteger area = ((v[2] - v[0]) * (v[5] - v[1])) - ((v[3] - v[1]) * (v[4] - v[0]));
            Assert.Equal(area.Sign, Orientation.InPlane(x[0], x[1], x[2], x[3], x[4], x[5]));
            Assert.Equal(-area.Sign, Orientation.InPlane(x[2], x[3], x[0], x[1], x[4], x[5]));
            Assert.Equal(area.Sign, Orientation.InPlane(x[2], x[3], x[4], x[5], x[0], x[1]));
        }, seed: Seed, iter: 5_000);

    [Fact]
    public void In_space_as_whole_numbers_say() =>
        Coordinates.Sample(make =>
        {
            double[] x = make(12);
            BigInteger[] v = [.. x.Select(Scaled)];
            BigInteger D(int point, int axis) => v[(3 * point) + axis] - v[9 + axis];
            BigInteger det = (D(0, 0) * ((D(1, 1) * D(2, 2)) - (D(1, 2) * D(2, 1))))
                - (D(0, 1) * ((D(1, 0) * D(2, 2)) - (D(1, 2) * D(2, 0))))
                + (D(0, 2) * ((D(1, 0) * D(2, 1)) - (D(1, 1) * D(2, 0))));
            Assert.Equal(det.Sign, Orientation.InSpace(x.AsSpan(0, 3), x.AsSpan(3, 3), x.AsSpan(6, 3), x.AsSpan(9, 3)));
            Assert.Equal(-det.Sign, Orientation.InSpace(x.AsSpan(3, 3), x.AsSpan(0, 3), x.AsSpan(6, 3), x.AsSpan(9, 3)));
        }, seed: Seed, iter: 5_000);

    [Fact]
    public void Points_within_a_rounding_of_a_line_are_told_apart()
    {
        // Points about (0.5, 0.5) in steps of 2^-53 against the line y = x through (12, 12) and (24, 24).
        double step = Math.ScaleB(1, -53);
        for (int i = 0; i < 64; i++)
            for (int j = 0; j < 64; j++)
                Assert.Equal(Math.Sign(j - i), Orientation.InPlane(12, 12, 24, 24, 0.5 + (i * step), 0.5 + (j * step)));
    }

    [Theory, InlineData(1e-30), InlineData(1), InlineData(1e30), InlineData(1e-300), InlineData(1e300)]
    public void Scale_does_not_matter(double scale)
    {
        Assert.Equal(1, Orientation.InPlane(0, 0, scale, 0, 0, scale));
        Assert.Equal(0, Orientation.InPlane(0, 0, scale, scale, 2 * scale, 2 * scale));
        Assert.Equal(-1, Orientation.InPlane(0, 0, scale, scale, 2 * scale, Math.BitDecrement(2 * scale)));
        Assert.Equal(-1, Orientation.InSpace([scale, 0, 0], [0, scale, 0], [0, 0, scale], [scale, scale, scale]));
        Assert.Equal(0, Orientation.InSpace([scale, 0, 0], [0, scale, 0], [-scale, 0, 0], [0, -scale, 0]));
    }

    // Whole multiples of the smallest double.
    private static BigInteger Scaled(double value)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)((bits >> 52) & 0x7FF);
        BigInteger significand = (bits & 0xF_FFFF_FFFF_FFFF) | (exponent == 0 ? 0 : 1L << 52);
        return (bits < 0 ? -significand : significand) << (Math.Max(exponent, 1) - 1);
    }
}
