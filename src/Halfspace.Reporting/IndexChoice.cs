using System.Globalization;
using Halfspace.Kernels;

namespace Halfspace.Reporting;

/// <summary>A structure chosen by what queries cost on this machine.</summary>
/// <param name="Structure">The structure.</param>
/// <param name="Microseconds">What a query is expected to take.</param>
/// <param name="Explanation">One line that says why.</param>
public sealed record IndexChoice(IndexStructure Structure, double Microseconds, string Explanation)
{
    /// <summary>Picks a structure for n points of d coordinates of which a query reports about k.</summary>
    /// <param name="n">Points, at least 0.</param>
    /// <param name="dimension">d, at least 1.</param>
    /// <param name="expectedReported">k; from 0 to n.</param>
    /// <param name="costs">Measurements to reuse; none means a measurement of its own, some tens of milliseconds a structure.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    /// <remarks>Each structure is built over Gaussian points at two sizes and queried; the power law through both gives its cost at n. Sets
    /// with more structure than Gaussian ones can favour another choice.</remarks>
    public static IndexChoice For(int n, int dimension, int expectedReported, IndexCosts? costs = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(expectedReported);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(expectedReported, n);
        costs ??= new IndexCosts();
        (IndexStructure Structure, double Cost)[] ranked =
        [
            .. IndexStructure.For(dimension)
                .Select(structure => (Structure: structure, Cost: costs.Estimate(structure, n, dimension, expectedReported)))
                .OrderBy(choice => choice.Cost),
        ];
        (IndexStructure best, double cost) = ranked[0];
        string other = ranked.Length == 1 ? "" : string.Create(
            CultureInfo.InvariantCulture, $", {ranked[1].Structure.Name} {ranked[1].Cost:0.#} µs");
        string explanation = string.Create(
            CultureInfo.InvariantCulture,
            $"{best.Name}: about {cost:0.#} µs a query for n = {n}, d = {dimension}, k = {expectedReported} on this machine{other}.");
        return new IndexChoice(best, cost, explanation);
    }

    /// <summary>Builds the chosen structure.</summary>
    public HalfspaceIndex Build(PointSet points, SimdTier? tier = null) => Structure.Build(points, tier);
}
