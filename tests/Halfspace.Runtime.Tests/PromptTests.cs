using System.Numerics.Tensors;
using Halfspace.Attention;
using Halfspace.Runtime.Tests.Decoder;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests;

/// <summary>Tiny models whose prompts can be long enough for an index, each with one, two and three threads.</summary>
public sealed class PromptModels : IDisposable
{
    private readonly TinyModelFile _diffuse = new(new TinyModel { Context = 4096, HeadDim = 16, Hidden = 64 });
    private readonly TinyModelFile _peaked = new(new TinyModel { Context = 4096, HeadDim = 16, Hidden = 64, Architecture = "qwen3" });

    public PromptModels()
    {
        Diffuse = [.. Enumerable.Range(1, 3).Select(threads => _diffuse.Load(threads: threads))];
        Peaked = [.. Enumerable.Range(1, 3).Select(threads => _peaked.Load(threads: threads))];
    }

    /// <summary>Of index i with i + 1 threads. Scores vary little: no row can be certified, and what is left to a tail is smooth.</summary>
    public IReadOnlyList<HalfspaceModel> Diffuse { get; }

    /// <summary>The like with normalised queries and keys, whose scores vary much: some rows can be certified.</summary>
    public IReadOnlyList<HalfspaceModel> Peaked { get; }

    public void Dispose()
    {
        foreach (HalfspaceModel model in Diffuse.Concat(Peaked)) model.Dispose();
        _diffuse.Dispose();
        _peaked.Dispose();
    }
}

/// <summary>What reading a prompt gives does not depend on how it was read.</summary>
public sealed class PromptTests(PromptModels models) : IClassFixture<PromptModels>
{
    // An index begins with 2,048 tokens behind a window of 64; what comes after them can attend sparsely.
    private const int Tokens = 2400;

    // Of logits, relative: what float32 sums in another order leave, through float16 keys and values.
    private const double Rounding = 1e-4;

    private static readonly int[] _tokens = [.. Enumerable.Range(0, 4000).Select(i => (i * 37 + i / 5 + i * i / 91) % 256)];

    /// <summary>Tiles of positions that read together.</summary>
    private static readonly AttentionOptions _tiles = new() { PromptFrom = 0 };

    /// <summary>A scan a row, which is dense unless it is certified for the error.</summary>
    private static readonly AttentionOptions _certified = new() { PromptFrom = 0, Policy = new AttentionPolicy.Error(0.2) };

    private static readonly AttentionOptions _dense = new() { Mode = AttentionMode.Dense };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("dense")]
    [InlineData("tiles")]
    [InlineData("certified")]
    public void The_number_of_threads_does_not_matter(string way)
    {
        (IReadOnlyList<HalfspaceModel> same, AttentionOptions prompt) = way switch
        {
            "dense" => (models.Diffuse, _dense),
            "tiles" => (models.Diffuse, _tiles),
            _ => (models.Peaked, _certified),
        };
        using ModelContext one = Prompt(same[0], prompt);
        AttentionCounters expected = one.PromptCounters;
        for (int threads = 2; threads <= 3; threads++)
        {
            using ModelContext more = Prompt(same[threads - 1], prompt);
            AttentionCounters counters = more.PromptCounters;
            Assert.Equal(expected.Rows, counters.Rows);
            Assert.Equal(prompt.Mode == AttentionMode.Sparse, counters.RowsDense < counters.Rows);
            // A last bit can move a key across a threshold.
            Assert.InRange(counters.KeysAttended, expected.KeysAttended * 0.999, expected.KeysAttended * 1.001);
            Near(one.Logits, more.Logits, Rounding, $"{threads} threads");
        }
    }

    [Theory]
    [InlineData(Tokens)]
    [InlineData(200)]
    [InlineData(77)]
    [InlineData(17)]
    public void Read_densely_the_chunk_does_not_matter(int chunk)
    {
        using ModelContext expected = Prompt(models.Diffuse[1], _dense), context = Prompt(models.Diffuse[1], _dense, chunk);
        Near(expected.Logits, context.Logits, Rounding, $"chunks of {chunk}");
    }

    [Theory]
    [InlineData(512)]
    [InlineData(Tokens)]
    [InlineData(200)]
    [InlineData(77)]
    public void Read_in_sparse_tiles_any_chunk_is_near_to_dense(int chunk)
    {
        using ModelContext dense = Prompt(models.Diffuse[1], _dense), context = Prompt(models.Diffuse[1], _tiles, chunk);
        AttentionCounters counters = context.PromptCounters;
        Assert.Equal(dense.PromptCounters.Rows, counters.Rows);
        // From the index's beginning on every row is sparse.
        Assert.InRange(counters.RowsDense, 1, counters.Rows * 0.92);
        Assert.InRange(counters.KeysAttended, 1, counters.KeysVisible * 0.95);
        double off = Off(dense.Logits, context.Logits);
        // Means of thousands of random values are small beside each: a sample of some hundred scatters about as far.
        Assert.True(off is > Rounding and < 0.9, $"chunks of {chunk}: off by {off:E2}");
    }

    [Theory]
    [InlineData(512)]
    [InlineData(200)]
    [InlineData(77)]
    public void Read_sparsely_every_chunk_keeps_the_error_asked(int chunk)
    {
        using ModelContext dense = Prompt(models.Peaked[1], _dense), context = Prompt(models.Peaked[1], _certified, chunk);
        AttentionCounters counters = context.PromptCounters;
        Assert.True(counters.RowsDense < counters.Rows, "no row was sparse");
        Assert.InRange(counters.CertificateWorst, 1e-6, 0.2);
        Near(dense.Logits, context.Logits, 0.01, $"chunks of {chunk}");
    }

    // Before the index, so that all of it goes again, and after its beginning.
    [Theory]
    [InlineData(1000)]
    [InlineData(2300)]
    public void A_sparse_prompt_cancelled_half_way_leaves_the_context_as_it_was(int before)
    {
        using ModelContext context = Prompt(models.Diffuse[1], _tiles, 64, before), expected = Prompt(models.Diffuse[1], _tiles, 64, before);
        using CancellationTokenSource cancellation = new();
        Assert.ThrowsAny<OperationCanceledException>(() => context.Read(
            _tokens.AsSpan(before, 3900 - before), new Cancelling(cancellation, after: 2600 - before), cancellation.Token));
        Assert.True(context.PromptCounters.RowsDense < context.PromptCounters.Rows, "no row of the cancelled prompt was sparse");
        Assert.Equal(_tokens[..before], context.Tokens.ToArray());
        for (int token = 1, i = 0; i < 8; i++)
        {
            context.ReadOne(token, Cancellation);
            expected.ReadOne(token, Cancellation);
            Near(expected.Logits, context.Logits, Rounding, $"token {i} of the answer");
            token = TensorPrimitives.IndexOfMax(expected.Logits);
        }

        // And so does a prompt that goes on.
        foreach (ModelContext one in (ModelContext[])[context, expected])
        {
            one.Rewind(before);
            one.Read(_tokens.AsSpan(before, 2500 - before), null, Cancellation);
        }

        Near(expected.Logits, context.Logits, Rounding, "the whole prompt");
    }

    private static ModelContext Prompt(HalfspaceModel model, AttentionOptions prompt, int chunk = 512, int tokens = Tokens)
    {
        ModelContext context = model.CreateContext(new ContextOptions { PromptAttention = prompt, ChunkTokens = chunk });
        context.Read(_tokens.AsSpan(0, tokens), null, Cancellation);
        return context;
    }

    private static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        double off = Off(expected, actual);
        Assert.True(off <= tolerance, $"{what}: off by {off:E2}");
    }

    /// <summary>The distance of logits, relative.</summary>
    private static double Off(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        float[] difference = new float[expected.Length];
        TensorPrimitives.Subtract(expected, actual, difference);
        float norm = TensorPrimitives.Norm(expected);
        Assert.True(norm > 0);
        return TensorPrimitives.Norm<float>(difference) / norm;
    }

    private sealed class Cancelling(CancellationTokenSource cancellation, int after) : IProgress<int>
    {
        public void Report(int value)
        {
            if (value >= after) cancellation.Cancel();
        }
    }
}
