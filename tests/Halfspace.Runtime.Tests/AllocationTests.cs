using System.Text.Json;
using Halfspace.Attention;
using Halfspace.Runtime.Generation;

namespace Halfspace.Runtime.Tests;

/// <summary>Tests that count what the whole process allocates, and so run while no other does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class AllocationTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    [Theory]
    [InlineData(AttentionMode.Dense)]
    [InlineData(AttentionMode.Sparse)]
    public void The_inner_loop_of_generation_allocates_nothing(AttentionMode mode)
    {
        AttentionOptions attention = new() { Mode = mode, Policy = new AttentionPolicy.Budget(32) };
        using ModelContext context = fixture.Model.CreateContext(new ContextOptions { Attention = attention });
        context.Read([.. Enumerable.Range(0, 600).Select(i => i * 37 % 256)], null, TestContext.Current.CancellationToken);
        SamplingOptions sampling = new() { Temperature = 0.8f, TopK = 40, TopP = 0.95f, RepetitionPenalty = 1.1f, Seed = 1 };
        TokenGenerator generator = new(context, new GenerationOptions { IgnoreEnd = true, Sampling = sampling }, fixture.Model.Tokenizer);
        for (int i = 0; i < 100; i++) Assert.True(generator.Next(TestContext.Current.CancellationToken));
        AssertNothingAllocated(() => generator.Next(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(AttentionMode.Dense)]
    [InlineData(AttentionMode.Sparse)]
    public void Batched_decoding_allocates_nothing(AttentionMode mode)
    {
        AttentionOptions attention = new() { Mode = mode, Policy = new AttentionPolicy.Budget(32) };
        using ContextBatch batch = fixture.Model.CreateBatch();
        ModelContext[] contexts = [.. Enumerable.Range(0, 3).Select(_ => fixture.Model.CreateContext(new ContextOptions { Attention = attention }))];
        int[] tokens = [1, 2, 3];
        foreach (ModelContext context in contexts)
            context.Read([.. Enumerable.Range(0, 600).Select(i => i * 37 % 256)], null, TestContext.Current.CancellationToken);
        for (int i = 0; i < 100; i++) batch.ReadOne(contexts, tokens, TestContext.Current.CancellationToken);
        batch.ReadOne(contexts.AsSpan(1), tokens.AsSpan(1), TestContext.Current.CancellationToken);
        int step = 0;
        // A context that leaves and comes back changes the shape, which is kept.
        AssertNothingAllocated(() =>
        {
            int from = step++ % 2;
            batch.ReadOne(contexts.AsSpan(from), tokens.AsSpan(from), TestContext.Current.CancellationToken);
        });
        foreach (ModelContext context in contexts) context.Dispose();
    }

    [Fact]
    public void Constrained_generation_allocates_nothing()
    {
        using ModelContext context = fixture.Model.CreateContext();
        context.Read([1, 2, 3], null, TestContext.Current.CancellationToken);
        // Longer than what the automaton remembers, so that it also forgets.
        Grammar grammar = Grammar.JsonSchema(JsonDocument.Parse("""{"type":"string","minLength":900}""").RootElement);
        GenerationOptions options = new() { Grammar = grammar, Sampling = new SamplingOptions { Temperature = 1, Seed = 1 } };
        TokenGenerator generator = new(context, options, fixture.Model.Tokenizer);
        for (int i = 0; i < 500; i++) Assert.True(generator.Next(TestContext.Current.CancellationToken));
        AssertNothingAllocated(() => generator.Next(TestContext.Current.CancellationToken));
        Assert.Equal(FinishReason.None, generator.Finish);
    }

    private static void AssertNothingAllocated(Action step)
    {
        // Counted over the process: the heads run on threads of ONNX Runtime's.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long best = long.MaxValue;
        for (int round = 0; round < 5 && best > 0; round++)
        {
            long before = GC.GetTotalAllocatedBytes(true);
            for (int i = 0; i < 50; i++) step();
            best = Math.Min(best, GC.GetTotalAllocatedBytes(true) - before);
        }

        Assert.True(best < 50 * 8, $"{best} bytes were allocated for 50 tokens");
    }
}
