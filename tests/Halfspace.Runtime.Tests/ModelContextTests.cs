using Halfspace.Attention;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Tests.Decoder;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests;

/// <summary>A tiny model, loaded once for the tests of contexts.</summary>
public sealed class TinyModelFixture : IDisposable
{
    private readonly TinyModelFile _file = new(new TinyModel { Context = 1024 });

    public TinyModelFixture() => Model = _file.Load();

    public HalfspaceModel Model { get; }

    public void Dispose()
    {
        Model.Dispose();
        _file.Dispose();
    }
}

public sealed class ModelContextTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private static readonly int[] _tokens = [.. Enumerable.Range(0, 700).Select(i => (i * 37 + i / 5) % 256)];
    private readonly HalfspaceModel _model = fixture.Model;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(1000)]
    public void Logits_do_not_depend_on_the_chunk(int chunk)
    {
        using ModelContext whole = _model.CreateContext(new ContextOptions { ChunkTokens = 1024 });
        using ModelContext chunked = _model.CreateContext(new ContextOptions { ChunkTokens = chunk });
        Read(whole, _tokens[..300]);
        Read(chunked, _tokens[..300]);
        Near(whole.Logits, chunked.Logits);
    }

    [Fact]
    public void Decoding_a_token_gives_what_reading_it_in_a_prompt_gives()
    {
        using ModelContext prompt = _model.CreateContext(), decoded = _model.CreateContext();
        Read(prompt, _tokens[..40]);
        Read(decoded, _tokens[..30]);
        foreach (int token in _tokens[30..40]) decoded.ReadOne(token, TestContext.Current.CancellationToken);
        Near(prompt.Logits, decoded.Logits);
        Assert.Equal(_tokens[..40], decoded.Tokens.ToArray());
    }

    [Fact]
    public void Rewinding_and_reading_again_gives_the_same()
    {
        using ModelContext context = _model.CreateContext();
        Read(context, _tokens[..600]);
        float[] before = context.Logits.ToArray();
        context.ReadOne(5, TestContext.Current.CancellationToken);
        context.Rewind(123);
        Assert.Equal(123, context.Count);
        Read(context, _tokens[123..600]);
        Near(before, context.Logits);
    }

    [Fact]
    public void Sparse_attention_with_room_for_every_key_is_dense_attention()
    {
        using ModelContext dense = _model.CreateContext(new ContextOptions { Attention = new AttentionOptions { Mode = AttentionMode.Dense } });
        using ModelContext sparse = _model.CreateContext(new ContextOptions { Attention = new AttentionOptions { Policy = new AttentionPolicy.Budget(2000) } });
        foreach (ModelContext context in new[] { dense, sparse })
        {
            Read(context, _tokens[..400]);
            for (int i = 400; i < 420; i++) context.ReadOne(_tokens[i], TestContext.Current.CancellationToken);
        }

        Near(dense.Logits, sparse.Logits);
    }

    [Fact]
    public void Two_contexts_run_at_once_and_do_not_touch_each_other()
    {
        using ModelContext alone = _model.CreateContext();
        Read(alone, _tokens[..500]);
        float[] expected = alone.Logits.ToArray();
        Parallel.For(0, 4, i =>
        {
            using ModelContext context = _model.CreateContext(new ContextOptions { ChunkTokens = 50 + i });
            Read(context, _tokens[..500]);
            Near(expected, context.Logits);
        });
    }

    [Fact]
    public void A_prompt_that_does_not_fit_is_refused_with_both_numbers_before_any_work()
    {
        using ModelContext context = _model.CreateContext(new ContextOptions { Limit = 100 });
        ModelException e = Assert.Throws<ModelException>(() => Read(context, _tokens[..101]));
        Assert.Contains("101 tokens", e.Message, StringComparison.Ordinal);
        Assert.Contains("holds 100", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, context.Count);
        Assert.Equal(0, context.AllocatedBytes);
    }

    [Fact]
    public void A_context_beyond_the_model_s_is_refused_unless_rope_scaling_stretches_it()
    {
        ModelException e = Assert.Throws<ModelException>(() => _model.CreateContext(new ContextOptions { Limit = 1025 }));
        Assert.Contains("--rope-scaling", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_context_ends_a_generation_and_says_so()
    {
        using ModelContext context = _model.CreateContext(new ContextOptions { Limit = 20 });
        Read(context, _tokens[..15]);
        TokenGenerator generator = new(context, new GenerationOptions { IgnoreEnd = true }, _model.Tokenizer);
        while (generator.Next(TestContext.Current.CancellationToken))
        {
        }

        Assert.Equal(FinishReason.ContextFull, generator.Finish);
        Assert.Equal(6, generator.Count);
        Assert.Throws<ModelException>(() => context.ReadOne(1, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_cancelled_prompt_leaves_the_context_as_it_was()
    {
        using ModelContext context = _model.CreateContext(new ContextOptions { ChunkTokens = 16 });
        Read(context, _tokens[..20]);
        using CancellationTokenSource cancellation = new();
        Cancelling progress = new(cancellation, after: 32);
        Assert.ThrowsAny<OperationCanceledException>(() => context.Read(_tokens.AsSpan(20, 200), progress, cancellation.Token));
        Assert.Equal(20, context.Count);
        using ModelContext fresh = _model.CreateContext();
        Read(fresh, _tokens[..300]);
        Read(context, _tokens[20..300]);
        Near(fresh.Logits, context.Logits);
    }

    [Fact]
    public void A_failing_run_leaves_the_context_as_it_was()
    {
        using ModelContext context = _model.CreateContext();
        Read(context, _tokens[..20]);
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(context, [1, 2, 300]));
        Assert.Equal(20, context.Count);
        context.ReadOne(3, TestContext.Current.CancellationToken);
        Assert.Equal(21, context.Count);
    }

    private static void Read(ModelContext context, int[] tokens) => context.Read(tokens, null, TestContext.Current.CancellationToken);

    private static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double error = 0, scale = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            error += Math.Pow(expected[i] - actual[i], 2);
            scale += Math.Pow(expected[i], 2);
        }

        Assert.True(scale > 0 && error <= 1e-6 * scale, $"off by {Math.Sqrt(error / scale):E2}");
    }

    private sealed class Cancelling(CancellationTokenSource cancellation, int after) : IProgress<int>
    {
        public void Report(int value)
        {
            if (value >= after) cancellation.Cancel();
        }
    }
}
