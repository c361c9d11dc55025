using System.Numerics;

namespace Halfspace.Reporting.Geometry;

/// <summary>Predicates in whole numbers: finite doubles are whole multiples of a common power of two, and these predicates do not change
/// when all coordinates are multiplied by one positive number.</summary>
internal static class WholeNumbers
{
    public static int InPlane(double ax, double ay, double bx, double by, double cx, double cy)
    {
        int unit = Unit([ax, ay, bx, by, cx, cy]);
        return Area(Scale(ax, unit), Scale(ay, unit), Scale(bx, unit), Scale(by, unit), Scale(cx, unit), Scale(cy, unit)).Sign;
    }

    public static int InSpace(ReadOnlySpan<double> a, ReadOnlySpan<double> b, ReadOnlySpan<double> c, ReadOnlySpan<double> d)
    {
        int unit = Unit([.. a[..3], .. b[..3], .. c[..3], .. d[..3]]);
        BigInteger[] p = Difference(a, d, unit), q = Difference(b, d, unit), r = Difference(c, d, unit);
        return ((p[2] * ((q[0] * r[1]) - (r[0] * q[1])))
            + (q[2] * ((r[0] * p[1]) - (p[0] * r[1])))
            + (r[2] * ((p[0] * q[1]) - (q[0] * p[1])))).Sign;
    }

    /// <summary>The sign of |area(c,d,a)|·(m − b) − |area(c,d,b)|·(m − a), by x and where that is 0 by y.</summary>
    public static int CompareCrossing(Point2 a, Point2 b, Point2 c, Point2 d, Point2 m)
    {
        int unit = Unit([a.X, a.Y, b.X, b.Y, c.X, c.Y, d.X, d.Y, m.X, m.Y]);
        BigInteger ax = Scale(a.X, unit), ay = Scale(a.Y, unit), bx = Scale(b.X, unit), by = Scale(b.Y, unit);
        BigInteger cx = Scale(c.X, unit), cy = Scale(c.Y, unit), dx = Scale(d.X, unit), dy = Scale(d.Y, unit);
        BigInteger mx = Scale(m.X, unit), my = Scale(m.Y, unit);
        BigInteger u = BigInteger.Abs(Area(cx, cy, dx, dy, ax, ay)), v = BigInteger.Abs(Area(cx, cy, dx, dy, bx, by));
        int byX = ((u * (mx - bx)) - (v * (mx - ax))).Sign;
        return byX != 0 ? byX : ((u * (my - by)) - (v * (my - ay))).Sign;
    }

    private static BigInteger Area(BigInteger ax, BigInteger ay, BigInteger bx, BigInteger by, BigInteger cx, BigInteger cy) =>
        ((ax - cx) * (by - cy)) - ((ay - cy) * (bx - cx));

    private static BigInteger[] Difference(ReadOnlySpan<double> a, ReadOnlySpan<double> b, int unit) =>
        [Scale(a[0], unit) - Scale(b[0], unit), Scale(a[1], unit) - Scale(b[1], unit), Scale(a[2], unit) - Scale(b[2], unit)];

    // The exponent of the lowest bit that any of the values can have.
    private static int Unit(ReadOnlySpan<double> values)
    {
        int unit = int.MaxValue;
        foreach (double value in values)
            if (value != 0) unit = Math.Min(unit, Exponent(value));
        return unit;
    }

    private static int Exponent(double value) => Math.Max(1, (int)((BitConverter.DoubleToInt64Bits(value) >> 52) & 0x7FF)) - 1075;

    private static BigInteger Scale(double value, int unit)
    {
        if (value == 0) return 0;
        int exponent = Exponent(value);
        return new BigInteger(Math.ScaleB(value, -exponent)) << (exponent - unit);
    }
}
