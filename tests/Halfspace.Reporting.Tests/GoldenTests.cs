using System.Runtime.InteropServices;
using Halfspace.Kernels;

namespace Halfspace.Reporting.Tests;

/// <summary>Keys and queries of a real model: layers 0 and 11, 8,192 keys of 64 coordinates, biases that report 256.</summary>
public sealed class GoldenTests
{
    private const int Dim = 64, Keys = 8192, Reported = 256;

    public static TheoryData<int, SimdTier> Layers()
    {
        TheoryData<int, SimdTier> layers = [];
        foreach (int layer in new[] { 0, 11 })
            foreach (SimdTier tier in Simd.Available) layers.Add(layer, tier);
        return layers;
    }

    [Theory, MemberData(nameof(Layers))]
    public void Sketches_report_what_the_scan_reports_and_verify_few(int layer, SimdTier tier)
    {
        PointSet keys = PointSet.From(Read($"layer{layer}.k.bin"), Dim);
        float[] queries = [.. Read($"layer{layer}.q.bin").Select(x => (float)x / 8)];
        using FlatIndex flat = new(keys, tier);
        using SketchIndex sketch = new(keys, tier: tier);
        HitList expected = new();
        HitList[] hits = [new(), new(), new()];
        float[] biases = new float[3], row = new float[Dim], scores = new float[3 * sketch.ScoreRoom];
        long verified = 0;
        int asked = 0;

        // Every 16th position, the three query heads of the group in one pass.
        for (int position = 0; position < 256; position += 16)
        {
            float[] group = [.. Enumerable.Range(0, 3).SelectMany(head => queries.Skip(((head * 256) + position) * Dim).Take(Dim))];
            for (int head = 0; head < 3; head++)
            {
                float[] query = group[(head * Dim)..((head + 1) * Dim)];
                double[] exact = [.. Enumerable.Range(0, Keys).Select(id =>
                {
                    keys.CopyRow(id, row);
                    return Enumerable.Range(0, Dim).Sum(j => (double)query[j] * row[j]);
                })];
                biases[head] = MathF.BitDecrement((float)exact.OrderDescending().ElementAt(Reported - 1));
            }

            verified += sketch.ReportBatch(group, biases, hits).PointsScored;
            asked += 3;
            sketch.Estimate(group, scores, sketch.ScoreRoom, hits[0]);
            for (int head = 0; head < 3; head++)
            {
                flat.Report(group.AsSpan(head * Dim, Dim), biases[head], expected);
                Assert.Equal(expected.Ids.ToArray(), hits[head].Ids.ToArray());
                Assert.InRange(expected.Count, Reported, Reported + 2);
                sketch.ReportEstimated(group.AsSpan(head * Dim, Dim), biases[head], 4, scores.AsSpan(0, sketch.ScoreRoom), expected);
                Assert.True(hits[head].Ids.ToArray().All(expected.Ids.ToArray().ToHashSet().Contains));
            }
        }

        Assert.True(verified <= 0.03 * asked * Keys, $"{(double)verified / asked / Keys:P2} of the keys were verified.");
    }

    [Theory, MemberData(nameof(Layers))]
    public void Sketch_scores_are_near(int layer, SimdTier tier)
    {
        PointSet keys = PointSet.From(Read($"layer{layer}.k.bin"), Dim);
        float[] query = [.. Read($"layer{layer}.q.bin").Take(Dim).Select(x => (float)x / 8)];
        using SketchIndex sketch = new(keys, tier: tier);
        float[] scores = new float[sketch.ScoreRoom], row = new float[Dim];
        sketch.Estimate(query, scores, scores.Length, new HitList());
        double squares = 0;
        for (int id = 0; id < Keys; id++)
        {
            keys.CopyRow(id, row);
            double exact = Enumerable.Range(0, Dim).Sum(j => (double)query[j] * row[j]);
            squares += (scores[id] - exact) * (scores[id] - exact);
        }

        // 0.28 nats is what the design measured over heads.
        Assert.InRange(Math.Sqrt(squares / Keys), 0, 0.4);
    }

    private static Half[] Read(string name) =>
        MemoryMarshal.Cast<byte, Half>(File.ReadAllBytes(Path.Combine(Root(), "tests", "assets", "golden", name))).ToArray();

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Halfspace.slnx"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests must run inside the repository.");
    }
}
