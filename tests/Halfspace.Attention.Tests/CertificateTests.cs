namespace Halfspace.Attention.Tests;

/// <summary>A certificate is never below the true error, whatever the data.</summary>
public sealed class CertificateTests(ITestOutputHelper log)
{
    private const int Dim = 64, Tokens = 2200, Queries = 6250;

    public static TheoryData<string, ScoreSource> Sets
    {
        get
        {
            TheoryData<string, ScoreSource> sets = [];
            foreach (string set in (string[])["gaussian", "heavy", "planted", "equal"])
                foreach (ScoreSource source in (ScoreSource[])[ScoreSource.Exact, ScoreSource.Sketch]) sets.Add(set, source);
            return sets;
        }
    }

    // 8 sets of 12,500 rows: 100,000, with a policy for each sixth of them.
    [Theory, MemberData(nameof(Sets))]
    public void Random_rows_are_within_it(string set, ScoreSource source)
    {
        Random random = new(set.Length);
        (Half[] keys, Half[] values) = Data(set, random);
        AttentionPolicy[] policies =
        [
            new AttentionPolicy.Budget(16), new AttentionPolicy.Budget(200), new AttentionPolicy.Mass(0.2), new AttentionPolicy.Fixed(1),
            new AttentionPolicy.Paper(), new AttentionPolicy.Error(0.3),
        ];
        double certified = 0, errors = 0;
        foreach (AttentionPolicy policy in policies)
        {
            AttentionOptions options = new() { Policy = policy, Scores = source };
            using KeyValueCache cache = Contexts.Sparse(keys, values, Dim, Tokens, options);
            using AttentionScratch scratch = new();
            HeadAttention sparse = new(options), dense = new(new AttentionOptions { Mode = AttentionMode.Dense });
            for (int i = 0; i < 2 * Queries / policies.Length; i++)
            {
                float[] query = Query(random, i % 5 == 0 ? 0.2 : 1 + (i % 3));
                scratch.Counters.Reset();
                float[] output = sparse.Attend(cache[0, 0], query, 1, 1, Tokens - 1, scratch);
                double relative = scratch.Counters.CertificateWorst;
                float[] truth = dense.Attend(cache[0, 0], query, 1, 1, Tokens - 1, scratch);
                double error = Norm(output, truth), norm = Norm(output, new float[Dim]);
                // Dense attention itself is float: a few units in the last place.
                Assert.True(error <= (relative * norm) + 2e-6, $"{set}, {policy}, row {i}: {error} of {norm}, certified {relative * norm}");
                certified += relative;
                errors += error / norm;
            }
        }
        log.WriteLine($"{set}, {source}: certified {certified / (2 * Queries)}, true {errors / (2 * Queries)}");
    }

    [Fact]
    public void Golden_rows_are_within_it()
    {
        foreach (int layer in Golden.Layers)
        {
            Golden golden = Golden.Layer(layer);
            foreach (ScoreSource source in (ScoreSource[])[ScoreSource.Exact, ScoreSource.Sketch])
            {
                AttentionOptions options = new() { Scores = source };
                using KeyValueCache cache = Contexts.Sparse(golden.Keys, golden.Values, Dim, Golden.Position(0) + 1, options);
                cache.Reserve(Golden.Tokens);
                using AttentionScratch scratch = new();
                HeadAttention attention = new(options);
                for (int row = 0; row < Golden.Rows; row++)
                {
                    if (row > 0) Contexts.Grow(cache, golden.Keys, golden.Values, Dim, 1);
                    for (int h = 0; h < Golden.Heads; h++)
                    {
                        scratch.Counters.Reset();
                        float[] output = attention.Attend(cache[0, 0], golden.Query(h, row), 1, 1, Golden.Position(row), scratch);
                        float[] truth = golden.Softmax[(((h * Golden.Rows) + row) * Dim)..(((h * Golden.Rows) + row + 1) * Dim)];
                        Assert.True(Norm(output, truth) <= (scratch.Counters.CertificateWorst * Norm(output, new float[Dim])) + 1e-5);
                        Assert.True(source == ScoreSource.Sketch || scratch.Counters.CertificateWorst < scratch.Counters.PaperBound);
                    }
                }
            }
        }
    }

    private static (Half[] Keys, Half[] Values) Data(string set, Random random)
    {
        Half[] keys = new Half[Tokens * Dim], values = new Half[Tokens * Dim];
        for (int i = 0; i < Tokens; i++)
        {
            double size = set switch
            {
                "heavy" => Math.Pow(1 - random.NextDouble(), -0.5),
                "planted" => i % 331 == 7 ? 8 : 0.5,
                _ => 1,
            };
            for (int c = 0; c < Dim; c++)
            {
                keys[(i * Dim) + c] = (Half)(set == "equal" ? 0.3 * (c % 5) : size * Normal(random));
                values[(i * Dim) + c] = (Half)((set == "planted" && i % 331 == 7 ? 30 : 1) * Normal(random));
            }
        }
        return (keys, values);
    }

    private static float[] Query(Random random, double size) => [.. Enumerable.Range(0, Dim).Select(_ => (float)(size * Normal(random)))];

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static double Norm(float[] a, float[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        return Math.Sqrt(sum);
    }
}
