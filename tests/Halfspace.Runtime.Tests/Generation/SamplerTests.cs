using CsCheck;
using Halfspace.Runtime.Generation;

namespace Halfspace.Runtime.Tests.Generation;

public sealed class SamplerTests
{
    private const string Seed = "0000K1mzqH5f";
    private static readonly Gen<float> Numbers = Gen.Float.Where(value => !float.IsNaN(value));
    private static readonly float[] Logits = [1.5f, 0.2f, 2.5f, -1, 2, float.NegativeInfinity, 0.9f, 1.4f];

    [Fact]
    public void Greedy_takes_the_likeliest_and_the_lowest_of_equals()
    {
        Sampler sampler = new(new(), 200);
        float[] logits = new float[200];
        Assert.Equal(0, sampler.Sample(logits));
        logits[77] = logits[78] = logits[190] = 1;
        Assert.Equal(77, sampler.Sample(logits));
        Array.Fill(logits, float.NegativeInfinity);
        logits[150] = -1e30f;
        Assert.Equal(150, sampler.Sample(logits));
    }

    [Theory]
    [InlineData(1, 0, 1, 0)]
    [InlineData(0.5, 0, 1, 0)]
    [InlineData(2, 0, 1, 0)]
    [InlineData(1, 3, 1, 0)]
    [InlineData(1, 100, 1, 0)]
    [InlineData(1, 0, 0.8, 0)]
    [InlineData(1, 0, 1, 0.2)]
    [InlineData(0.7, 5, 0.9, 0.05)]
    [InlineData(1, 0, 0.0001, 0)]
    [InlineData(1, 1, 1, 0)]
    [InlineData(1, 0, 1, 1)]
    public void Draws_follow_the_distribution(double temperature, int topK, double topP, double minP)
    {
        SamplingOptions options = new() { Temperature = (float)temperature, TopK = topK, TopP = (float)topP, MinP = (float)minP, Seed = 7 };
        double[] expected = Distribution(Logits, options);
        Sampler sampler = new(options, Logits.Length);
        const int Draws = 20_000;
        int[] counts = new int[Logits.Length];
        for (int i = 0; i < Draws; i++)
            counts[sampler.Sample(Logits)]++;
        double chiSquare = 0;
        for (int id = 0; id < counts.Length; id++)
        {
            if (expected[id] == 0)
                Assert.Equal(0, counts[id]);
            else
                chiSquare += Math.Pow(counts[id] - (Draws * expected[id]), 2) / (Draws * expected[id]);
        }

        Assert.InRange(chiSquare, 0, 24.3); // at most 7 degrees of freedom: 0.1 % of right samplers are above
    }

    [Fact]
    public void Every_filter_keeps_what_sorting_the_whole_vocabulary_keeps() =>
        Gen.Select(Gen.Float[-8, 8].Array[1, 400], Gen.Int[0, 450], Gen.Double[0.01, 1], Gen.Double[0, 0.5], Gen.Double[0.2, 3]).Sample(
            (logits, topK, topP, minP, temperature) =>
            {
                SamplingOptions options = new()
                {
                    Temperature = (float)temperature,
                    TopK = topK,
                    TopP = (float)topP,
                    MinP = (float)minP,
                    Seed = 1,
                };
                double[] expected = Distribution(logits, options);
                Sampler sampler = new(options, logits.Length);
                for (int i = 0; i < 50; i++)
                    Assert.NotEqual(0, expected[sampler.Sample(logits)]);
            }, seed: Seed, iter: 300);

    [Fact]
    public void Equal_logits_are_drawn_alike_and_top_k_keeps_the_lower_ids()
    {
        float[] logits = new float[1000];
        Sampler sampler = new(new() { Temperature = 1, TopK = 10, Seed = 3 }, logits.Length);
        HashSet<int> seen = [.. Enumerable.Range(0, 500).Select(_ => sampler.Sample(logits))];
        Assert.Equal(Enumerable.Range(0, 10), seen.Order());
        sampler = new(new() { Temperature = 1, TopP = 0.25f, Seed = 3 }, logits.Length);
        seen = [.. Enumerable.Range(0, 5000).Select(_ => sampler.Sample(logits))];
        Assert.Equal(Enumerable.Range(0, 250), seen.Order());
    }

    [Fact]
    public void A_seed_gives_the_same_tokens_always()
    {
        float[] logits = [.. Enumerable.Range(0, 1000).Select(id => MathF.Sin(id) * 3)];
        SamplingOptions options = new() { Temperature = 0.8f, TopK = 50, TopP = 0.95f, RepetitionPenalty = 1.1f, Seed = 42 };
        int[] first = Draw(options);
        Assert.Equal(first, Draw(options));
        Assert.NotEqual(first, Draw(options with { Seed = 43 }));
        Sampler unseeded = new(options with { Seed = null }, logits.Length);
        Assert.Equal(Draw(options with { Seed = unseeded.Seed }), Enumerable.Range(0, 20).Select(_ => unseeded.Sample(logits)));

        int[] Draw(SamplingOptions options)
        {
            Sampler sampler = new(options, logits.Length);
            return [.. Enumerable.Range(0, 20).Select(_ => sampler.Sample(logits))];
        }
    }

    [Fact]
    public void The_random_numbers_are_SplitMix64s()
    {
        SamplingRandom random = new(1234567);
        Assert.Equal(6457827717110365317UL, random.Next());
        Assert.Equal(3203168211198807973UL, random.Next());
        Assert.Equal(9817491932198370423UL, random.Next());
    }

    [Fact]
    public void Repeated_tokens_are_penalised_once_while_they_are_in_the_window()
    {
        Sampler sampler = new(new() { RepetitionPenalty = 2, RepetitionWindow = 3 }, 4);
        float[] logits = [4, 3, 1.9f, -1];
        Assert.Equal(0, sampler.Sample(logits));        // window 0
        Assert.Equal(1, sampler.Sample(logits));        // 4/2 < 3; window 0 1
        Assert.Equal(0, sampler.Sample(logits));        // 2, 1.5, 1.9; window 0 1 0
        Assert.Equal(0, sampler.Sample(logits));        // once, not twice; window 1 0 0
        Assert.Equal(0, sampler.Sample(logits));        // window 0 0 0
        Assert.Equal(1, sampler.Sample(logits));        // 1 has left the window
        sampler.Accept([0, 2, 1]);
        Assert.Equal(0, sampler.Sample(logits));        // 2, 1.5, 0.95
        float[] negative = [-1, -1.5f, -9, -9];
        Sampler other = new(new() { RepetitionPenalty = 2, RepetitionWindow = 3 }, 4);
        Assert.Equal([0, 1, 0], (int[])[other.Sample(negative), other.Sample(negative), other.Sample(negative)]);
    }

    [Fact]
    public void A_window_of_nothing_penalises_nothing()
    {
        Sampler sampler = new(new() { RepetitionPenalty = 2, RepetitionWindow = 0 }, 2);
        Assert.Equal([0, 0], (int[])[sampler.Sample([4, 3]), sampler.Sample([4, 3])]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Logits_that_are_no_numbers_are_refused(float temperature)
    {
        Sampler sampler = new(new() { Temperature = temperature, TopK = 2, RepetitionPenalty = 1.5f }, 20);
        float[] logits = new float[20];
        sampler.Sample(logits);
        logits[13] = float.NaN;
        Assert.Contains("token 13 is NaN", Fails(), StringComparison.Ordinal);
        logits[13] = float.PositiveInfinity;
        Assert.Contains("token 13", Fails(), StringComparison.Ordinal);
        Array.Fill(logits, float.NegativeInfinity);
        Assert.Contains("Every logit", Fails(), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => sampler.Sample([1, 2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => sampler.Accept([20]));

        string Fails() => Assert.Throws<ArithmeticException>(() => sampler.Sample(logits)).Message;
    }

    [Fact]
    public void Options_outside_their_range_are_named()
    {
        SamplingOptions options = new();
        options.Validate();
        Assert.Contains("temperature is -1", Fails(options with { Temperature = -1 }), StringComparison.Ordinal);
        Assert.Contains("temperature is NaN", Fails(options with { Temperature = float.NaN }), StringComparison.Ordinal);
        Assert.Contains("Top-k is -1", Fails(options with { TopK = -1 }), StringComparison.Ordinal);
        Assert.Contains("Top-p is 0", Fails(options with { TopP = 0 }), StringComparison.Ordinal);
        Assert.Contains("Top-p is 1.5", Fails(options with { TopP = 1.5f }), StringComparison.Ordinal);
        Assert.Contains("Min-p is 2", Fails(options with { MinP = 2 }), StringComparison.Ordinal);
        Assert.Contains("repetition penalty is 0", Fails(options with { RepetitionPenalty = 0 }), StringComparison.Ordinal);
        Assert.Contains("window is -1", Fails(options with { RepetitionWindow = -1 }), StringComparison.Ordinal);

        static string Fails(SamplingOptions options) => Assert.Throws<ModelException>(() => new Sampler(options, 10)).Message;
    }

    [Theory]
    [InlineData(0, 0, 1, 0)]
    [InlineData(1, 0, 1, 0)]
    [InlineData(1, 40, 0.95, 0.05)]
    [InlineData(1, 0, 0.99, 0)]
    public void A_token_allocates_nothing(float temperature, int topK, double topP, double minP)
    {
        float[] logits = [.. Enumerable.Range(0, 49152).Select(id => MathF.Sin(id * 7.3f) * 6)];
        Sampler sampler = new(new()
        {
            Temperature = temperature,
            TopK = topK,
            TopP = (float)topP,
            MinP = (float)minP,
            RepetitionPenalty = 1.1f,
            Seed = 5,
        }, logits.Length);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 10; i++) sampler.Sample(logits);
        }));
    }

    [Fact]
    public void The_greatest_are_those_of_a_full_sort() =>
        Gen.Select(Gen.OneOf(Gen.Float[-8, 8], Gen.Int[0, 3].Select(value => (float)value)).Array[1, 3000], Gen.Int[1, 300]).Sample(
            (logits, wanted) =>
            {
                float[] weights = [.. logits.Select(logit => logit < -7 ? 0f : 1)];
                int[] expected = [.. Enumerable.Range(0, logits.Length).Where(id => weights[id] > 0)
                    .OrderByDescending(id => logits[id]).ThenBy(id => id)];
                ulong[] found = [.. new SamplingCandidates(logits.Length).Greatest(logits, weights, wanted)];
                Assert.InRange(found.Length, Math.Min(wanted, expected.Length), expected.Length);
                Assert.Equal(expected.Take(found.Length), found.Select(SamplingCandidates.Id));
            }, seed: Seed, iter: 500);

    [Fact]
    public void Candidates_order_by_logit_and_then_by_lower_id() =>
        Gen.Select(Numbers, Gen.Int[0, 200_000], Gen.Float[-2, 2], Gen.Int[0, 200_000]).Sample((a, i, b, j) =>
        {
            ulong first = SamplingCandidates.Pack(a, i), second = SamplingCandidates.Pack(b, j);
            Assert.Equal(i, SamplingCandidates.Id(first));
            Assert.Equal(Math.Sign(a != b ? a.CompareTo(b) : j.CompareTo(i)), Math.Sign(first.CompareTo(second)));
        }, seed: Seed, iter: 2000);

    /// <summary>The probabilities by the definition: min-p, then top-k, then top-p over a full sort.</summary>
    private static double[] Distribution(float[] logits, SamplingOptions options)
    {
        double[] weights = [.. logits.Select(logit => Math.Exp((logit - (double)logits.Max()) / options.Temperature))];
        List<int> kept = [.. Enumerable.Range(0, logits.Length).Where(id => weights[id] > 0 && weights[id] >= options.MinP)
            .OrderByDescending(id => logits[id]).ThenBy(id => id)];
        if (options.TopK > 0)
            kept = [.. kept.Take(options.TopK)];
        double wanted = options.TopP * kept.Sum(id => weights[id]), mass = 0;
        int size = kept.TakeWhile(id => (mass += weights[id]) < wanted).Count() + 1;
        kept = [.. kept.Take(options.TopP < 1 ? size : kept.Count)];
        double total = kept.Sum(id => weights[id]);
        return [.. weights.Select((weight, id) => kept.Contains(id) ? weight / total : 0)];
    }
}
