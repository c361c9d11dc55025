using System.Globalization;
using Halfspace.Kernels;
using Halfspace.Reporting;

namespace Halfspace.Cli.Bench.Reporting;

/// <summary>Random queries over all structures, each against the scan of the scalar tier.</summary>
internal static class ReportingVerify
{
    private const int QueriesPerSet = 50;

    private static readonly int[] Dimensions = [1, 2, 2, 3, 3, 4, 8, 16, 32, 64, 128];

    private enum Kind
    {
        WholeNumbers,
        Gaussian,
        Clustered,
        Line,
        SkewedNorms,
    }

    /// <summary>Asks at least <paramref name="queries"/> queries. The exit code is a failure's where a result differs.</summary>
    public static int Run(long queries, TextWriter output, CancellationToken stop)
    {
        long asked = 0;
        SortedDictionary<string, long> counts = new(StringComparer.Ordinal);
        HitList expected = new(), hits = new();
        for (int seed = 1; asked < queries; seed++)
        {
            Random random = new(seed);
            int dimension = Dimensions[random.Next(Dimensions.Length)], n = random.Next(1, 2000);
            Kind kind = (Kind)random.Next(5);
            PointSet points = Points(random, kind, n, dimension);
            SimdTier tier = Simd.Available[random.Next(Simd.Available.Count)];
            using FlatIndex oracle = new(points, SimdTier.Scalar);
            (string Name, HalfspaceIndex Index)[] indexes =
            [
                .. IndexStructure.For(dimension).Select(s => (s.Name, s.Build(points, tier))),
                .. IndexStructure.For(dimension).Skip(1).Select(s => ($"dynamic {s.Name}", Grown(points, s, tier))),
            ];
            for (int q = 0; q < QueriesPerSet; q++)
            {
                stop.ThrowIfCancellationRequested();
                (float[] query, float bias) = Query(random, points, kind);
                oracle.Report(query, bias, expected);
                foreach ((string name, HalfspaceIndex index) in indexes)
                {
                    index.Report(query, bias, hits);
                    asked++;
                    counts[name] = counts.GetValueOrDefault(name) + 1;
                    if (hits.Ids.SequenceEqual(expected.Ids)) continue;
                    output.WriteLine($"{name} differs from the scan: seed {seed}, query {q}, d = {dimension}, n = {n}, {kind}, {tier}.");
                    return ExitCode.Failure;
                }
            }

            foreach ((_, HalfspaceIndex index) in indexes) index.Dispose();
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{asked} queries, no result differs from the scan."));
        foreach ((string name, long count) in counts) output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count,10}  {name}"));
        return ExitCode.Success;
    }

    // The first half as a part, the rest added one by one.
    private static DynamicIndex<HalfspaceIndex> Grown(PointSet points, IndexStructure structure, SimdTier tier)
    {
        float[] all = new float[points.Count * points.Dimension];
        for (int i = 0; i < points.Count; i++) points.CopyRow(i, all.AsSpan(i * points.Dimension));
        int half = points.Count / 2;
        PointSet first = PointSet.From(all.AsMemory(0, half * points.Dimension), points.Dimension);
        DynamicIndex<HalfspaceIndex> index = new(first, part => structure.Build(part, tier), buffer: 64, tier);
        for (int i = half; i < points.Count; i++) index.Add(all.AsSpan(i * points.Dimension, points.Dimension));
        return index;
    }

    private static PointSet Points(Random random, Kind kind, int n, int dimension)
    {
        float[] values = new float[n * dimension];
        for (int i = 0; i < n; i++)
        {
            float t = random.Next(-20, 21), scale = kind == Kind.SkewedNorms ? MathF.Pow(10, random.Next(-12, 13)) : 1;
            int cluster = random.Next(5);
            for (int j = 0; j < dimension; j++)
            {
                values[(i * dimension) + j] = kind switch
                {
                    Kind.WholeNumbers => random.Next(-6, 7),
                    Kind.Line => (t * (j + 1)) + 3,
                    Kind.Clustered => (7 * ((cluster + j) % 5)) + (0.01f * (random.NextSingle() - 0.5f)),
                    _ => scale * (random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f),
                };
            }
        }

        return random.Next(4) == 0 && kind != Kind.SkewedNorms
            ? PointSet.From(values.Select(v => (Half)v).ToArray(), dimension)
            : PointSet.From(values, dimension);
    }

    // The bias is a point's score rounded to float, so ties and near ties are common; sometimes another number.
    private static (float[] Query, float Bias) Query(Random random, PointSet points, Kind kind)
    {
        float[] query = new float[points.Dimension], row = new float[points.Dimension];
        for (int j = 0; j < query.Length; j++) query[j] = kind is Kind.WholeNumbers or Kind.Line ? random.Next(-5, 6) : random.NextSingle() - 0.5f;
        if (random.Next(8) == 0) return (query, random.Next(-30, 31));
        points.CopyRow(random.Next(points.Count), row);
        double score = 0;
        for (int j = 0; j < query.Length; j++) score += (double)query[j] * row[j];
        return (query, (float)score);
    }
}
