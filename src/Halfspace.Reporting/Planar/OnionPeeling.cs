using Halfspace.Reporting.Geometry;

namespace Halfspace.Reporting.Planar;

/// <summary>Takes hull after hull off a set of points of the plane.</summary>
internal static class OnionPeeling
{
    /// <summary>The layers, outer to inner, one after another; each counter-clockwise from its lowest leftmost vertex.</summary>
    /// <param name="points">Different points, ascending.</param>
    /// <param name="order">Positions in <paramref name="points"/>.</param>
    /// <param name="starts">Where each layer begins in the order, and the order's length.</param>
    public static void Peel(Point2[] points, out int[] order, out int[] starts)
    {
        int n = points.Length;

        // The lower hull is the upper hull of the plane turned by half a circle; positions then run backwards.
        Point2[] turned = new Point2[n];
        for (int i = 0; i < n; i++) turned[n - 1 - i] = new(-points[i].X, -points[i].Y);
        HullTree above = new(points), below = new(turned);
        order = new int[n];
        List<int> starts2 = [0], upper = [], lower = [], leaving = [];
        for (int done = 0; done < n; starts2.Add(done))
        {
            upper.Clear();
            lower.Clear();
            leaving.Clear();
            above.AppendHull(upper);
            below.AppendHull(lower);

            // The turned hull runs from the rightmost vertex to the leftmost; the upper hull's ends are in it.
            for (int i = lower.Count - 1; i >= 0; i--) order[done++] = n - 1 - lower[i];
            for (int i = upper.Count - 2; i >= 1; i--) order[done++] = upper[i];
            leaving.AddRange(order.AsSpan(starts2[^1], done - starts2[^1]));
            Span<int> positions = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(leaving);
            positions.Sort();
            above.Remove(positions);
            positions.Reverse();
            foreach (ref int position in positions) position = n - 1 - position;
            below.Remove(positions);
        }

        starts = [.. starts2];
    }
}
