using CsCheck;

namespace Halfspace.Reporting.Tests;

/// <summary>Random sequences of add, remove, report, save and load against a plain list.</summary>
public sealed class UpdateTests
{
    private enum Step
    {
        Add,
        AddOften,
        Remove,
        RemoveOften,
        Report,
        Top,
        Reload,
    }

    public static TheoryData<string, int> Updatable() => Structures.Updatable();

    [Theory, MemberData(nameof(Updatable))]
    public void Interleavings_agree_with_a_list(string name, int dimension) =>
        Gen.Select(Gen.Int[0, 40], Gen.Enum<Step>().Array[1, 60], Gen.Int[0, int.MaxValue - 1]).Sample((n, steps, seed) =>
        {
            Random random = new(seed);
            float[] Point() => [.. Enumerable.Range(0, dimension).Select(_ => (float)random.Next(-9, 10))];
            List<float> points = [];
            HashSet<int> removed = [];
            for (int i = 0; i < n; i++) points.AddRange(Point());
            UpdatableIndex index = (UpdatableIndex)Structures.Build(name, PointSet.From(points.ToArray(), dimension));
            List<IDisposable> files = [];
            float[] copy = new float[dimension];
            foreach (Step step in steps)
            {
                int ids = points.Count / dimension;
                switch (step)
                {
                    case Step.Add or Step.AddOften:
                        for (int i = 0; i < (step == Step.Add ? 1 : 23); i++)
                        {
                            float[] point = Point();
                            Assert.Equal(points.Count / dimension, index.Add(point));
                            points.AddRange(point);
                        }

                        break;
                    case Step.Remove or Step.RemoveOften:
                        for (int i = 0; i < (step == Step.Remove ? 1 : 17); i++)
                        {
                            int id = random.Next(-1, ids + 2);
                            Assert.Equal(id >= 0 && id < ids && removed.Add(id), index.Remove(id));
                        }

                        break;
                    case Step.Reload:
                        Oracle.TemporaryFile file = new();
                        files.Add(index);
                        files.Add(file);
                        index.Save(file.Path);
                        index = (UpdatableIndex)Structures.Load(name, file.Path);
                        break;
                    case Step.Top:
                        float[] direction = Point();
                        int[] expected = [.. Enumerable.Range(0, ids).Where(id => !removed.Contains(id))
                            .OrderByDescending(id => Enumerable.Range(0, dimension).Sum(j => direction[j] * points[(id * dimension) + j]))
                            .ThenBy(id => id).Take(7).Order()];
                        Assert.Equal(expected, index.Top(direction, 7));
                        break;
                    default:
                        float[] query = Point();
                        float bias = random.Next(-60, 61);
                        Assert.Equal(Oracle.Report([.. points], query, bias, id => !removed.Contains(id)), index.Report(query, bias));
                        break;
                }

                ids = points.Count / dimension;
                Assert.Equal(ids - removed.Count, index.Count);
                int any = random.Next(-1, ids + 1);
                bool there = any >= 0 && any < ids && !removed.Contains(any);
                Assert.Equal(there, index.TryCopyPoint(any, copy));
                if (there) Assert.Equal(points.Skip(any * dimension).Take(dimension), copy);
                Assert.Equal(ids - removed.Count, index.Report(copy, float.NegativeInfinity).Length);
            }

            index.Dispose();
            foreach (IDisposable file in files) file.Dispose();
        }, seed: "0000Update001", iter: 120, threads: 1);

    [Theory, MemberData(nameof(Updatable))]
    public void Points_that_are_refused_change_nothing(string name, int dimension)
    {
        using UpdatableIndex index = (UpdatableIndex)Structures.Build(name, PointSet.From(new float[2 * dimension], dimension));
        float[] point = new float[dimension];
        point[^1] = float.NaN;
        Assert.Contains("Point 2", Assert.Throws<ArgumentException>(() => index.Add(point)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => index.Add(new float[dimension + 1]));
        Assert.Equal(2, index.Count);
        Assert.False(index.Remove(2));
        Assert.False(index.Remove(-1));
    }

    /// <summary>Readers run beside one writer. The writer adds points of falling score and removes the oldest, so every state is a run of ids
    /// and its size is one of two: a reader that saw half an update would see another.</summary>
    [Theory, MemberData(nameof(Updatable))]
    public async Task Readers_see_whole_updates(string name, int dimension)
    {
        const int Held = 40, Updates = 3000;
        float[] start = new float[Held * dimension];
        for (int i = 0; i < Held; i++) start[i * dimension] = i + 1;
        using UpdatableIndex index = (UpdatableIndex)Structures.Build(name, PointSet.From(start, dimension));
        using CancellationTokenSource done = new();
        Task writer = Task.Run(() =>
        {
            try
            {
                float[] point = new float[dimension];
                for (int i = 0; i < Updates; i++)
                {
                    point[0] = Held + i + 1;
                    Assert.Equal(Held + i, index.Add(point));
                    Assert.True(index.Remove(i));
                }
            }
            finally
            {
                done.Cancel();
            }
        }, TestContext.Current.CancellationToken);
        Task[] readers = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            HitList hits = new();
            float[] query = new float[dimension];
            query[0] = 1;
            int last = 0;
            do
            {
                index.Report(query, 0.5f, hits);
                Assert.InRange(hits.Count, Held, Held + 1);
                for (int i = 1; i < hits.Count; i++) Assert.Equal(hits[0] + i, hits[i]);
                Assert.True(hits[0] >= last);
                last = hits[0];
                index.ReportTop(query, 3, hits);
                Assert.Equal(3, hits.Count);
                Assert.Equal(hits[0] + 2, hits[2]);
            }
            while (!done.IsCancellationRequested);
        }, TestContext.Current.CancellationToken))];
        await Task.WhenAll([writer, .. readers]);
    }

    [Fact]
    public void Dynamic_parts_cost_a_logarithm()
    {
        const int Points = 1 << 13;
        using DynamicIndex<FlatIndex> index = new(2, part => new FlatIndex(part), buffer: 32);
        float[] point = new float[2];
        for (int i = 0; i < Points; i++)
        {
            (point[0], point[1]) = (i % 97, i % 89);
            index.Add(point);
        }

        // Each point enters at most one part a level, of log2(n/s) + 1 levels.
        Assert.True(index.PointsBuilt <= Points * 9L);
        Assert.True(index.PartCount <= 9);
        long built = index.PointsBuilt;
        for (int i = 0; i < Points; i++) Assert.True(index.Remove(i));
        Assert.True(index.PointsBuilt - built <= 2 * Points);
        Assert.Equal(0, index.Count);
    }
}
