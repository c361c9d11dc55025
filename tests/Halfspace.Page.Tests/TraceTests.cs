using Halfspace.Attention;
using Halfspace.Runtime;
using Halfspace.Tests;

namespace Halfspace.Page.Tests;

/// <summary>What the lens shows is what attention does.</summary>
public sealed class TraceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("halfspace-trace-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    [Theory]
    [InlineData(AttentionMode.Dense, false)]
    [InlineData(AttentionMode.Sparse, false)]
    [InlineData(AttentionMode.Sparse, true)]
    public void Weights_and_the_tail_are_all_and_logits_stay(AttentionMode mode, bool budget)
    {
        string path = Path.Combine(_folder, "tiny.gguf");
        File.WriteAllBytes(path, new TinyModel { Context = 4096 }.ToGguf());
        using HalfspaceModel model = HalfspaceModel.Load(path, new ModelOptions { CacheDirectory = _folder, Threads = 2 });
        AttentionOptions attention = new() { Mode = mode };
        if (budget) attention = attention with { Policy = new AttentionPolicy.Budget(100) };
        using ModelContext context = model.CreateContext(new ContextOptions { Attention = attention });
        int[] prompt = [.. Enumerable.Range(0, 3000).Select(i => i * i % 251)];
        context.Read(prompt, null, TestContext.Current.CancellationToken);
        context.ReadOne(7, TestContext.Current.CancellationToken);
        float[] logits = context.Logits.ToArray();
        AttentionShape shape = model.Config.Attention;
        for (int head = 0; head < shape.QueryHeads; head++)
        {
            context.Rewind(prompt.Length);
            AttentionTrace trace = new(shape, layer: 1, head);
            context.ReadTraced(7, trace, TestContext.Current.CancellationToken);
            Assert.Equal(logits, context.Logits.ToArray());
            TracedHead own = trace[1, head];
            Assert.Equal(prompt.Length + 1, own.Visible);
            Assert.Equal(mode == AttentionMode.Dense, own.IsDense);
            Assert.Equal(own.Keys, trace.Positions.Count);
            Assert.Equal(trace.Positions.Distinct().Order(), trace.Positions);
            Assert.Equal(1, trace.Weights.Sum(weight => (double)weight) + own.TailMass, 4);
            if (own.IsDense) continue;
            Assert.InRange(own.Keys, 64, prompt.Length);
            Assert.True(own.TailMass > 0 && own.Certificate > 0 && double.IsFinite(own.Threshold));
            Assert.Equal([0, 1, 2, 3], trace.Positions.Take(4));
        }
    }
}
