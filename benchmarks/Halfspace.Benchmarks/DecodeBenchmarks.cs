using BenchmarkDotNet.Attributes;
using Halfspace.Attention;

namespace Halfspace.Benchmarks;

/// <summary>One decoded row of one KV head whose keys and values are seeded Gaussian numbers with a few strong directions.</summary>
[MemoryDiagnoser]
public class DecodeBenchmarks
{
    private const int Dim = 64, Group = 3;
    private readonly float[] _queries = new float[Group * Dim], _output = new float[Group * Dim];
    private readonly AttentionScratch _scratch = new();
    private readonly HeadAttention _dense = new(new AttentionOptions { Mode = AttentionMode.Dense });
    private readonly HeadAttention _sparse = new(new AttentionOptions { Mode = AttentionMode.Sparse, Policy = new AttentionPolicy.Budget(256) });
    private KeyValueCache _cache = null!;

    [Params(512, 8_192)]
    public int Keys { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        Random random = new(1);
        _cache = new KeyValueCache(new AttentionShape(1, Group, 1, Dim), Keys);
        _cache.Reserve(Keys);
        float[] key = new float[Dim], value = new float[Dim];
        for (int i = 0; i < Keys; i++)
        {
            for (int c = 0; c < Dim; c++)
            {
                key[c] = Normal(random) * (c < 4 ? 4 : 1);
                value[c] = Normal(random);
            }

            _cache[0, 0].Append(key, Dim, value, Dim, 1);
        }

        for (int c = 0; c < _queries.Length; c++) _queries[c] = Normal(random) * 2;
        float[] exact = [.. Run(_dense)];
        double error = 0, scale = 0;
        ReadOnlySpan<float> sparse = Run(_sparse);
        for (int c = 0; c < exact.Length; c++)
        {
            error += Math.Pow(exact[c] - sparse[c], 2);
            scale += Math.Pow(exact[c], 2);
        }

        if (!(error <= 0.04 * scale)) throw new InvalidOperationException($"sparse attention is {Math.Sqrt(error / scale):P1} off dense");
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _cache.Dispose();
        _scratch.Dispose();
    }

    [Benchmark(Baseline = true)]
    public float Dense() => Run(_dense)[0];

    [Benchmark]
    public float Sparse() => Run(_sparse)[0];

    private ReadOnlySpan<float> Run(HeadAttention attention)
    {
        attention.Attend(_cache[0, 0], _queries, _queries.Length, Group, 1, Keys - 1, _output, _output.Length, _scratch);
        return _output;
    }

    private static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
