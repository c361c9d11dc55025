namespace Halfspace.Reporting.Geometry;

/// <summary>A point of the plane. Its coordinates are floats, widened.</summary>
internal readonly record struct Point2(double X, double Y)
{
    /// <summary>By x, then by y: the order of a plane turned by an angle too small to matter otherwise.</summary>
    public int CompareTo(Point2 other) => X != other.X ? X.CompareTo(other.X) : Y.CompareTo(other.Y);

    /// <summary>See <see cref="Orientation.InPlane"/>.</summary>
    public static int Turn(Point2 a, Point2 b, Point2 c) => Orientation.InPlane(a.X, a.Y, b.X, b.Y, c.X, c.Y);
}
