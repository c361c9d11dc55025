using System.Numerics;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels.Tests.Reporting;

/// <summary>What sketches decide is so in the real numbers, and their scores are as near as their blocks say, for vectors made to break both.</summary>
public sealed class SketchFindTests
{
    // 213 points: the last of four blocks has free places.
    private const int Copies = 11, Free = 7;

    public static TheoryData<SimdTier> All => Tiers.All;

    private static readonly Lazy<List<Case>> Cases = new(() => [.. MakeCases()]);

    [Theory, MemberData(nameof(All))]
    public void No_point_inside_is_missed_and_none_outside_is_sure(SimdTier tier)
    {
        foreach (Case one in Cases.Value)
        {
            // As many queries as a pass of each kernel takes, and some more.
            foreach (int count in (int[])[1, 2, 3, 4, 8])
            {
                (ulong[] inside, ulong[] doubt, int stride) = Find(one, count, tier);
                for (int q = 0; q < Math.Min(count, one.Expected.Length); q++)
                {
                    for (int p = 0; p < one.Points.Count; p++)
                    {
                        int word = (q * stride) + (p / 64);
                        bool isInside = (inside[word] >> p & 1) != 0, isDoubtful = (doubt[word] >> p & 1) != 0, expected = one.Expected[q][p];
                        if (isInside == expected && !(isInside && isDoubtful)) continue;
                        Assert.True(isDoubtful && !isInside, $"{one.What}, point {p}, query {q} is {(expected ? "missed" : "taken")}");
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Scores_are_within_the_bound(SimdTier tier)
    {
        foreach (Case one in Cases.Value)
        {
            int room = one.Points.Words * SketchBlocks.Points;
            SketchQueries pass = one.Pass(4);
            float[] scores = new float[4 * room];
            SketchKernel.For(tier).Estimate(one.Points.Blocks, pass, scores, room);
            for (int q = 0; q < pass.Count; q++)
            {
                double[] p = one.Points.Rotated(one.Asked[q].Query);
                double norm = SketchedKeys.Norm(p);
                for (int i = 0; i < one.Points.Count; i++)
                {
                    // A query's coding loses a half of what its largest coordinate, or the norm of those that share a half-word, is in codes.
                    double off = Math.Abs(scores[(q * room) + i] - SketchedKeys.Dot(p, one.Points.Turned[i]));
                    double bound = norm * (one.Points.Residual(i) + (0.02 * one.Points.Size(i)));
                    if (off > (bound * 1.00001) + 1e-40) Assert.Fail($"{one.What}, point {i}, query {q}: off by {off}, {bound} allowed");
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void All_tiers_decide_alike(SimdTier tier)
    {
        foreach (Case one in Cases.Value)
        {
            (ulong[] inside, ulong[] doubt, int stride) = Find(one, 5, tier);
            (ulong[] expectedInside, ulong[] expectedDoubt, _) = Find(one, 5, SimdTier.Scalar);

            // Places that hold no point mean nothing.
            for (int w = 0; w < inside.Length; w++)
            {
                int points = one.Points.Count - (w % stride * 64);
                ulong meant = points >= 64 ? ulong.MaxValue : points <= 0 ? 0 : (1UL << points) - 1;
                Assert.True(((inside[w] ^ expectedInside[w]) & meant) == 0 && ((doubt[w] ^ expectedDoubt[w]) & meant) == 0, one.What);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Names_are_those_of_the_bits(SimdTier tier)
    {
        ulong[] marks = [0, 1, 1UL << 63, ulong.MaxValue, 0x8000_0001_0000_0010, 0x00FF_00FF_00FF_00FF, 0, 0xFFFF_FFFF, 0x1_FFFF];
        int[] names = new int[64 * marks.Length];
        int count = SketchKernel.For(tier).Names(marks, 100, names);
        Assert.Equal(marks.Sum(BitOperations.PopCount), count);
        Assert.Equal(Enumerable.Range(0, names.Length).Where(i => (marks[i / 64] >> i & 1) != 0).Select(i => 100 + i), names[..count]);
    }

    [Fact]
    public void Codes_are_as_the_format_says()
    {
        foreach (Sketched sketched in Cases.Value.Select(one => one.Points).Distinct())
        {
            for (int i = 0; i < sketched.Count; i++)
            {
                double[] decoded = sketched.Decoded(i);
                Assert.True(SketchedKeys.Distance(sketched.Turned[i], decoded) <= sketched.Residual(i), $"d = {sketched.Dim}, point {i}");
                Assert.True(SketchedKeys.Norm(decoded) <= sketched.Size(i), $"d = {sketched.Dim}, point {i}");
                int[] codes = [.. sketched.Codes(i)];
                Assert.All(codes, code => Assert.InRange(code, -63, 63));
                for (int start = 0; start < codes.Length; start += 64)
                {
                    int[] run = codes[start..Math.Min(start + 64, codes.Length)];
                    Assert.InRange(run.Where((_, c) => c % 4 < 2).Sum(c => c * c), 0, 144 * 144);
                    Assert.InRange(run.Where((_, c) => c % 4 >= 2).Sum(c => c * c), 0, 144 * 144);
                }
            }
        }
    }

    [Fact]
    public void Few_points_stay_in_doubt()
    {
        // b is each time the score of one point: that one is in doubt, and of the 19 others hardly any.
        Sketched sketched = new(SketchCases.Keys(64).First().Rows, 64);
        SketchQueries pass = new Case(sketched, SketchCases.Queries(64).First().Rows[..(8 * 64)], "").Pass(8);
        ulong[] inside = new ulong[8], doubt = new ulong[8];
        SketchKernel.For().Find(sketched.Blocks, pass, inside, doubt, 1);
        Assert.InRange(doubt.Sum(word => BitOperations.PopCount(word & ((1UL << sketched.Count) - 1))), 8, 8 * 4);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        Sketched sketched = new(SketchCases.Keys(8).First().Rows, 8);
        SketchQueries pass = new Case(sketched, SketchCases.Queries(8).First().Rows[..16], "").Pass(2);
        SketchKernel kernel = SketchKernel.For();
        Assert.Throws<ArgumentException>(() => kernel.Find(sketched.Blocks.AsSpan(1), pass, new ulong[2], new ulong[2], 1));
        Assert.Throws<ArgumentException>(() => kernel.Find(sketched.Blocks, pass, new ulong[2], new ulong[2], 0));
        Assert.Throws<ArgumentException>(() => kernel.Find(sketched.Blocks, pass, new ulong[1], new ulong[2], 1));
        Assert.Throws<ArgumentException>(() => kernel.Find(sketched.Blocks, pass, new ulong[2], new ulong[1], 1));
        Assert.Throws<ArgumentException>(() => kernel.Names(new ulong[2], 0, new int[127]));
        Assert.Throws<ArgumentException>(() => SketchBlocks.Encode(new double[8], new byte[SketchBlocks.Bytes(8) - 1], 0));
        Assert.Throws<ArgumentException>(() => SketchBlocks.Encode(new double[8], new byte[SketchBlocks.Bytes(8)], 64));
        Assert.Throws<ArgumentException>(() => SketchBlocks.Encode(new double[4], new byte[SketchBlocks.Bytes(4)], 0));
    }

    private static (ulong[] Inside, ulong[] Doubt, int Stride) Find(Case one, int count, SimdTier tier)
    {
        int stride = one.Points.Words + 3;
        ulong[] inside = new ulong[count * stride], doubt = new ulong[count * stride];
        SketchKernel.For(tier).Find(one.Points.Blocks, one.Pass(count), inside, doubt, stride);
        return (inside, doubt, stride);
    }

    private static IEnumerable<Case> MakeCases()
    {
        // 40, 72 and 200 end within a run of 64 coordinates.
        foreach (int dim in (int[])[8, 24, 64, 80, 128, 40, 72, 200])
        {
            foreach ((string name, float[] rows) in SketchCases.Keys(dim))
            {
                // Copies differ in the last places, so that scores lie close together.
                float[] points = [.. Enumerable.Range(0, Copies).SelectMany(i => rows.Select(x => x * (1 + (i * 1e-6f))))];
                Sketched sketched = new(points[..^(Free * dim)], dim);

                // Points as queries: products as large as codes allow.
                yield return new Case(sketched, rows[..(8 * dim)], $"{name}, itself, d = {dim}");
                foreach ((string asked, float[] queries) in SketchCases.Queries(dim))
                    yield return new Case(sketched, queries[..(8 * dim)], $"{name}, {asked}, d = {dim}");
            }
        }
    }

    /// <summary>Points, and up to eight queries with b at points' own scores, as far as floats reach.</summary>
    private sealed class Case
    {
        public Case(Sketched points, float[] rows, string what)
        {
            (Points, What) = (points, what);
            for (int q = 0; q < rows.Length / points.Dim; q++)
            {
                float[] query = rows[(q * points.Dim)..((q + 1) * points.Dim)];
                float bias = (float)ExactDot.Rounded<float>(query, points.Point(((q * 29) + 3) % points.Count));
                if (float.IsFinite(bias) && points.TryAdd(Fresh(), query, bias)) Asked.Add((query, bias));
            }

            Expected = [.. Asked.Select(one => Enumerable.Range(0, points.Count).Select(p => ExactDot.AtLeast<float>(one.Query, points.Point(p), one.Bias)).ToArray())];
        }

        public Sketched Points { get; }

        public string What { get; }

        public List<(float[] Query, float Bias)> Asked { get; } = [];

        /// <summary>Who is inside, in the real numbers.</summary>
        public bool[][] Expected { get; }

        public SketchQueries Pass(int most)
        {
            SketchQueries pass = Fresh();
            foreach ((float[] query, float bias) in Asked.Take(most)) Assert.True(Points.TryAdd(pass, query, bias), What);
            return pass;
        }

        private SketchQueries Fresh()
        {
            SketchQueries pass = new();
            pass.Clear(Points.Dim);
            return pass;
        }
    }

    /// <summary>Points of d coordinates, a multiple of 8, sketched about 0.</summary>
    private sealed class Sketched
    {
        private readonly float[] _points;
        private readonly double _maxNorm;
        private readonly SketchRotation _rotation;

        public Sketched(float[] points, int dim)
        {
            _points = points;
            Dim = dim;
            Count = points.Length / dim;
            _rotation = new SketchRotation(dim, 5);

            // Free places hold anything.
            Blocks = [.. Enumerable.Repeat((byte)0x5A, (Count + SketchBlocks.Points - 1) / SketchBlocks.Points * SketchBlocks.Bytes(dim))];
            Turned = [.. Enumerable.Range(0, Count).Select(p => Rotated(Point(p)))];
            for (int p = 0; p < Count; p++)
            {
                _maxNorm = Math.Max(_maxNorm, SketchedKeys.Norm(Turned[p]) * (1 + 1e-6));
                SketchBlocks.Encode(Turned[p], Block(p), p % SketchBlocks.Points);
            }
        }

        /// <summary>The points, rotated.</summary>
        public double[][] Turned { get; }

        public int Words => Blocks.Length / SketchBlocks.Bytes(Dim);

        public int Dim { get; }

        public int Count { get; }

        public byte[] Blocks { get; }

        public ReadOnlySpan<float> Point(int p) => _points.AsSpan(p * Dim, Dim);

        public double[] Rotated(ReadOnlySpan<float> x)
        {
            double[] y = new double[Dim];
            for (int i = 0; i < x.Length; i++) y[i] = x[i];
            _rotation.Apply(y);
            return y;
        }

        // Numbers from the bytes as the format describes them.
        public IEnumerable<int> Codes(int p) =>
            Enumerable.Range(0, Dim).Select(c => Block(p)[(c / 4 * 256) + (p % 64 * 4) + (c % 4)] - 64);

        public double[] Decoded(int p) => [.. Codes(p).Select(code => code / Scale(p))];

        public double Scale(int p) => BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(Block(p)[((Dim * 64) + (p % 64 * 2))..]) << 16);

        public double Residual(int p) => BitConverter.ToSingle(Block(p)[((Dim * 64) + 128)..]) / Scale(p);

        public double Size(int p) => BitConverter.ToSingle(Block(p)[((Dim * 64) + 132)..]) / Scale(p);

        public bool TryAdd(SketchQueries pass, float[] query, float bias) => pass.TryAdd(query, bias, _rotation, default, _maxNorm);

        private Span<byte> Block(int p) => Blocks.AsSpan(p / SketchBlocks.Points * SketchBlocks.Bytes(Dim), SketchBlocks.Bytes(Dim));
    }
}
