using Halfspace.Kernels;

namespace Halfspace.Attention.Tests;

/// <summary>Keys, values and queries made to break formulas: outputs stay numbers, and no farther from dense than they are certified to
/// be.</summary>
public sealed class SparseAdversarialTests(ITestOutputHelper log)
{
    private static readonly AttentionPolicy[] Policies =
        [new AttentionPolicy.Budget(1), new AttentionPolicy.Budget(40), new AttentionPolicy.Mass(0.3), new AttentionPolicy.Fixed(0.5f),
            new AttentionPolicy.Paper(0.5), new AttentionPolicy.Error(0.5)];

    public static TheoryData<SimdTier, ScoreSource> TiersAndSources => PolicyTests.TiersAndSources;

    [Theory, MemberData(nameof(TiersAndSources))]
    public void Outputs_are_within_their_certificates(SimdTier tier, ScoreSource source)
    {
        foreach (Case data in Case.Adversarial(2200))
        {
            double[][] expected = [.. Enumerable.Range(0, 6).Select(i => data.Oracle(2198 + (i / 3), i % 3))];
            foreach (int clusters in (int[])[1, 4, 8])
            {
                AttentionOptions options = new() { Scores = source, Clusters = clusters };
                using KeyValueCache cache = data.Cache(options);
                foreach (AttentionPolicy policy in Policies)
                {
                    using AttentionScratch scratch = new();
                    HeadAttention attention = new(options with { Policy = policy }, tier);
                    double worst = 0, certified = 0, size = 0;
                    for (int r = 0; r < 2; r++)
                    {
                        scratch.Counters.Reset();
                        float[] output = attention.Attend(cache[0, 0], data.Rows(2198 + r, 1), 3, 1, 2198 + r, scratch);
                        if (!output.All(float.IsFinite)) log.WriteLine($"BAD {data.Name} {source} {clusters} {policy}");
                        for (int h = 0; h < 3; h++)
                        {
                            double off = Reference.Distance(output.AsSpan(h * 64, 64), expected[(r * 3) + h]);
                            worst = Math.Max(worst, off / Reference.Norm(Array.ConvertAll(output[(h * 64)..((h + 1) * 64)], x => (double)x)));
                            size = Math.Max(size, output.AsSpan(h * 64, 64).ToArray().Max(Math.Abs) / data.ValueSize());
                        }
                        certified = Math.Max(certified, scratch.Counters.CertificateWorst);
                    }
                    log.WriteLine($"{data.Name} {source} {clusters} {policy}: dense {scratch.Counters.RowsDense} off {worst} certified {certified} size {size}");
                }
            }
        }
    }
}
