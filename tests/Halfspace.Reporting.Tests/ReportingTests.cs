using CsCheck;
using Halfspace.Kernels;

namespace Halfspace.Reporting.Tests;

/// <summary>Every structure × dimension × SIMD tier against whole-number arithmetic: coordinates are small integers, so sets must be equal.</summary>
public sealed class ReportingTests
{
    private const string Seed = "0000Report001";

    private sealed record Case(float[] Points, float[] Query, float[] Biases);

    // Narrow ranges make equal points and ties at the bias common.
    private static Gen<Case> Cases(int dimension) =>
        Gen.Select(Gen.Int[0, 150], Gen.Int[1, 30], Gen.Int[0, int.MaxValue - 1]).Select((n, range, seed) =>
        {
            Random random = new(seed);
            float Whole() => random.Next(-range, range + 1);
            float[] points = [.. Enumerable.Range(0, n * dimension).Select(_ => Whole())];
            float[] query = [.. Enumerable.Range(0, dimension).Select(_ => Whole())];
            float[] biases = new float[4];
            for (int i = 0; i < 3; i++)
            {
                // A point's own score is a bias with a tie.
                int row = n == 0 ? 0 : random.Next(n);
                biases[i] = n == 0 ? Whole() : Enumerable.Range(0, dimension).Sum(j => query[j] * points[(row * dimension) + j]);
            }

            biases[3] = biases[0] + 0.5f;
            return new Case(points, query, biases);
        });

    public static TheoryData<string, int, SimdTier> All() => Structures.Cases();

    [Theory, MemberData(nameof(All))]
    public void Reports_what_whole_numbers_say(string name, int dimension, SimdTier tier) =>
        Cases(dimension).Sample(c =>
        {
            using HalfspaceIndex index = Structures.Build(name, PointSet.From(c.Points, dimension), tier);
            Assert.Equal(c.Points.Length / dimension, index.Count);
            foreach (float bias in c.Biases)
            {
                int[] expected = Oracle.Report(c.Points, c.Query, bias);
                Assert.Equal(expected, index.Report(c.Query, bias));
                index.CountReported(c.Query, bias, out int count);
                Assert.Equal(expected.Length, count);
            }
        }, seed: Seed, iter: 25, threads: 1);

    [Theory, MemberData(nameof(All))]
    public void Float16_points_and_batches_agree(string name, int dimension, SimdTier tier) =>
        Cases(dimension).Sample(c =>
        {
            Half[] halves = [.. c.Points.Select(x => (Half)x)];
            using HalfspaceIndex index = Structures.Build(name, PointSet.From(halves, dimension), tier);
            float[] queries = [.. c.Query, .. c.Query.Select(x => -x), .. c.Query, .. c.Query];
            HitList[] hits = [new(), new(), new(), new()];
            index.ReportBatch(queries, c.Biases, hits);
            for (int i = 0; i < 4; i++)
            {
                float[] query = queries[(i * dimension)..((i + 1) * dimension)];
                Assert.Equal(Oracle.Report(c.Points, query, c.Biases[i]), hits[i].Ids.ToArray());
            }
        }, seed: Seed, iter: 10, threads: 1);

    [Theory, MemberData(nameof(All))]
    public void Top_takes_the_largest_and_of_equals_the_first(string name, int dimension, SimdTier tier) =>
        Gen.Select(Cases(dimension), Gen.Int[0, 40]).Sample((c, r) =>
        {
            using HalfspaceIndex index = Structures.Build(name, PointSet.From(c.Points, dimension), tier);
            int[] expected = [.. Enumerable.Range(0, index.Count)
                .OrderByDescending(id => Enumerable.Range(0, dimension).Sum(j => (double)c.Query[j] * c.Points[(id * dimension) + j]))
                .ThenBy(id => id).Take(r).Order()];
            Assert.Equal(expected, index.Top(c.Query, r));
        }, seed: Seed, iter: 6, threads: 1);

    /// <summary>Any floats, not whole numbers: near ties that only the real numbers decide. The oracle is the scalar scan.</summary>
    [Theory, MemberData(nameof(All))]
    public void Agrees_with_the_scan_bit_for_bit(string name, int dimension, SimdTier tier) =>
        Gen.Select(Gen.Int[1, 200], Gen.Int[0, int.MaxValue - 1], Gen.Int[-30, 30]).Sample((n, seed, power) =>
        {
            Random random = new(seed);
            float scale = MathF.Pow(10, power);
            float[] centre = [.. Enumerable.Range(0, dimension).Select(_ => scale * random.Next(3) * random.NextSingle())];
            float[] points = [.. Enumerable.Range(0, n * dimension).Select(i => centre[i % dimension] + (scale * (random.NextSingle() - 0.5f)))];
            float[] query = [.. Enumerable.Range(0, dimension).Select(_ => (random.NextSingle() - 0.5f) / MathF.Max(scale, 1e-10f))];
            PointSet set = PointSet.From(points, dimension);
            using FlatIndex flat = new(set, SimdTier.Scalar);
            using HalfspaceIndex index = Structures.Build(name, set, tier);
            for (int i = 0; i < 4; i++)
            {
                double score = Enumerable.Range(0, dimension).Sum(j => (double)query[j] * points[(random.Next(n) * dimension) + j]);
                Assert.Equal(flat.Report(query, (float)score), index.Report(query, (float)score));
            }
        }, seed: Seed, iter: 10, threads: 1);
}
