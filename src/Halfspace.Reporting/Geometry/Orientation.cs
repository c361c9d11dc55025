using System.Runtime.CompilerServices;

namespace Halfspace.Reporting.Geometry;

/// <summary>On which side of a line or a plane a point lies, decided in the real numbers for all finite coordinates.</summary>
/// <remarks>Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates", 1997: a sum in double whose
/// error bound decides nearly always; in the plane differences that happen to be exact, and so two exact products; then whole
/// numbers.</remarks>
public static class Orientation
{
    // Half a unit in the last place of 1, as in the paper.
    private const double Epsilon = 1.0 / (1L << 53);
    private const double PlaneBound = (3 + (16 * Epsilon)) * Epsilon;
    private const double SpaceBound = (7 + (56 * Epsilon)) * Epsilon;

    // Below this a product of the filter may have lost bits to underflow; errors of products above it are normal numbers.
    private const double Smallest = 1e-250;

    /// <summary>+1 where a, b, c turn left, −1 where they turn right, 0 where they are on a line.</summary>
    /// <remarks>Coordinates are finite; exponents do not matter.</remarks>
    public static int InPlane(double ax, double ay, double bx, double by, double cx, double cy)
    {
        double left = (ax - cx) * (by - cy), right = (ay - cy) * (bx - cx), turn = left - right, size = Math.Abs(left) + Math.Abs(right);
        if (size is > Smallest and < double.PositiveInfinity && Math.Abs(turn) > PlaneBound * size) return Math.Sign(turn);
        return InPlaneCarefully(ax, ay, bx, by, cx, cy);
    }

    /// <summary>The sign of det[a − d; b − d; c − d]: +1 where d is below the plane through a, b, c that appear counter-clockwise from
    /// above.</summary>
    /// <param name="a">[3].</param>
    /// <param name="b">[3].</param>
    /// <param name="c">[3].</param>
    /// <param name="d">[3].</param>
    /// <remarks>Coordinates are finite; exponents do not matter.</remarks>
    public static int InSpace(ReadOnlySpan<double> a, ReadOnlySpan<double> b, ReadOnlySpan<double> c, ReadOnlySpan<double> d)
    {
        double ax = a[0] - d[0], ay = a[1] - d[1], az = a[2] - d[2];
        double bx = b[0] - d[0], by = b[1] - d[1], bz = b[2] - d[2];
        double cx = c[0] - d[0], cy = c[1] - d[1], cz = c[2] - d[2];
        double bc = bx * cy, cb = cx * by, ca = cx * ay, ac = ax * cy, ab = ax * by, ba = bx * ay;
        double det = (az * (bc - cb)) + (bz * (ca - ac)) + (cz * (ab - ba));
        double size = (Math.Abs(az) * (Math.Abs(bc) + Math.Abs(cb)))
            + (Math.Abs(bz) * (Math.Abs(ca) + Math.Abs(ac)))
            + (Math.Abs(cz) * (Math.Abs(ab) + Math.Abs(ba)));
        if (size is > Smallest and < double.PositiveInfinity && Math.Abs(det) > SpaceBound * size) return Math.Sign(det);
        return WholeNumbers.InSpace(a, b, c, d);
    }

    /// <summary>The sign of u·p − v·q, for numbers of which u and v carry an absolute error.</summary>
    /// <returns>False where the errors leave it open.</returns>
    internal static bool TryCompareProducts(double u, double uError, double p, double v, double vError, double q, out int sign)
    {
        double first = u * p, second = v * q, difference = first - second;
        double error = (uError * Math.Abs(p)) + (vError * Math.Abs(q)) + (4 * Epsilon * (Math.Abs(first) + Math.Abs(second)));
        sign = difference > 0 ? 1 : difference < 0 ? -1 : 0;
        return error is > Smallest and < double.PositiveInfinity && Math.Abs(difference) > 1.001 * error;
    }

    /// <summary>Twice the signed area of a, b, c in double, with a bound on its error; infinite where underflow may have spoilt
    /// it.</summary>
    internal static double Area(double ax, double ay, double bx, double by, double cx, double cy, out double error)
    {
        double left = (ax - cx) * (by - cy), right = (ay - cy) * (bx - cx), size = Math.Abs(left) + Math.Abs(right);
        error = size > Smallest ? 1.001 * PlaneBound * size : double.PositiveInfinity;
        return left - right;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int InPlaneCarefully(double ax, double ay, double bx, double by, double cx, double cy)
    {
        double p = ax - cx, q = by - cy, r = ay - cy, s = bx - cx;
        if (IsExact(ax, cx, p) && IsExact(by, cy, q) && IsExact(ay, cy, r) && IsExact(bx, cx, s))
        {
            double left = p * q, right = r * s;
            if (HasExactError(left, p, q) && HasExactError(right, r, s))
            {
                // Rounding is monotone: products that differ once rounded are in that order.
                if (left != right) return left > right ? 1 : -1;
                return Math.Sign(Math.FusedMultiplyAdd(p, q, -left) - Math.FusedMultiplyAdd(r, s, -right));
            }
        }

        return WholeNumbers.InPlane(ax, ay, bx, by, cx, cy);
    }

    // True where difference = a − b without rounding.
    private static bool IsExact(double a, double b, double difference)
    {
        double virtualB = a - difference, virtualA = difference + virtualB;
        return (virtualB - b) + (a - virtualA) == 0;
    }

    private static bool HasExactError(double product, double p, double q) =>
        double.IsFinite(product) && (Math.Abs(product) > Smallest || p == 0 || q == 0);
}
