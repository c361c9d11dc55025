using System.Numerics.Tensors;
using Halfspace.Attention;
using Halfspace.Runtime.Tests.Decoder;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests;

public sealed class ContextBatchTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private readonly HalfspaceModel _model = fixture.Model;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(AttentionMode.Dense)]
    [InlineData(AttentionMode.Sparse)]
    public void A_batch_decodes_as_its_contexts_one_by_one(AttentionMode mode)
    {
        // Different lengths, across a block of the cache, and one with an attention of its own.
        int[] lengths = [1, 37, 250, 640, 511];
        ModelContext[] alone = [.. lengths.Select((length, i) => Context(mode, length, i))];
        ModelContext[] together = [.. lengths.Select((length, i) => Context(mode, length, i))];
        using ContextBatch batch = _model.CreateBatch();
        int[] tokens = new int[lengths.Length];
        for (int step = 0; step < 12; step++)
        {
            for (int i = 0; i < tokens.Length; i++)
            {
                tokens[i] = TensorPrimitives.IndexOfMax(alone[i].Logits);
                Assert.Equal(tokens[i], TensorPrimitives.IndexOfMax(together[i].Logits));
                alone[i].ReadOne(tokens[i], Cancellation);
            }

            batch.ReadOne(together, tokens, Cancellation);
            for (int i = 0; i < tokens.Length; i++) Near(alone[i].Logits, together[i].Logits);
        }

        for (int i = 0; i < tokens.Length; i++)
        {
            Assert.Equal(alone[i].Tokens.ToArray(), together[i].Tokens.ToArray());
            Assert.Equal(alone[i].Counters.Rows, together[i].Counters.Rows);
            Assert.Equal(alone[i].Counters.KeysVisible, together[i].Counters.KeysVisible);
            Assert.Equal(alone[i].Counters.RowsDense, together[i].Counters.RowsDense);
        }

        foreach (ModelContext context in alone.Concat(together)) context.Dispose();
    }

    [Fact]
    public void Contexts_come_and_go_and_go_on_alone()
    {
        using ModelContext a = Context(AttentionMode.Sparse, 300, 0), b = Context(AttentionMode.Dense, 40, 1), c = Context(AttentionMode.Sparse, 70, 2);
        using ModelContext expected = Context(AttentionMode.Dense, 40, 1);
        using ContextBatch batch = _model.CreateBatch();
        batch.ReadOne([], [], Cancellation);
        batch.ReadOne([b], [1], Cancellation);
        batch.ReadOne([a, b, c], [9, 2, 8], Cancellation);
        batch.ReadOne([c, b], [7, 3], Cancellation);
        b.ReadOne(4, Cancellation);
        batch.ReadOne([b, a], [5, 6], Cancellation);
        foreach (int token in (int[])[1, 2, 3, 4, 5]) expected.ReadOne(token, Cancellation);
        Near(expected.Logits, b.Logits);
        Assert.Equal(45, b.Count);
        Assert.Equal(302, a.Count);
        Assert.Equal(72, c.Count);
    }

    [Fact]
    public void One_context_in_two_places_is_refused()
    {
        using ModelContext a = Context(AttentionMode.Dense, 5, 0), b = Context(AttentionMode.Dense, 5, 1);
        using ContextBatch batch = _model.CreateBatch();
        Assert.Contains("0 and 2", Assert.Throws<ArgumentException>(() => batch.ReadOne([a, b, a], [1, 2, 3], Cancellation)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => batch.ReadOne([a, b], [1], Cancellation));
        Assert.Equal(5, a.Count);
    }

    [Fact]
    public void A_full_context_is_named_and_the_others_stay()
    {
        using ModelContext a = Context(AttentionMode.Dense, 5, 0), full = _model.CreateContext(new ContextOptions { Limit = 3 });
        full.Read([1, 2, 3], null, Cancellation);
        float[] before = a.Logits.ToArray();
        using ContextBatch batch = _model.CreateBatch();
        ModelException e = Assert.Throws<ModelException>(() => batch.ReadOne([a, full], [1, 2], Cancellation));
        Assert.Contains("Context 1", e.Message, StringComparison.Ordinal);
        Assert.Equal(5, a.Count);
        Assert.Equal(before, a.Logits.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.ReadOne([a], [257], Cancellation));
        batch.ReadOne([a], [1], Cancellation);
        Assert.Equal(6, a.Count);
    }

    [Fact]
    public void A_context_of_another_model_is_refused()
    {
        using TinyModelFile file = new(new TinyModel { Context = 64 });
        using HalfspaceModel other = file.Load();
        using ModelContext a = Context(AttentionMode.Dense, 5, 0), stranger = other.CreateContext();
        stranger.Read([1], null, Cancellation);
        using ContextBatch batch = _model.CreateBatch();
        Assert.Contains("Context 1", Assert.Throws<ArgumentException>(() => batch.ReadOne([a, stranger], [1, 2], Cancellation)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_step_leaves_every_context_as_it_was()
    {
        using ModelContext a = Context(AttentionMode.Dense, 5, 0), b = Context(AttentionMode.Sparse, 300, 1);
        using ContextBatch batch = _model.CreateBatch();
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => batch.ReadOne([a, b], [1, 2], cancelled.Token));
        Assert.Equal((5, 300), (a.Count, b.Count));
        batch.ReadOne([a, b], [1, 2], Cancellation);
        Assert.Equal((6, 301), (a.Count, b.Count));
    }

    [Fact]
    public void A_step_that_fails_in_attention_names_the_context_and_leaves_all_as_they_were()
    {
        using TinyModelFile file = new(new TinyModel { Context = 64, TiedOutput = false, DamagedToken = 200 });
        using HalfspaceModel model = file.Load();
        using ModelContext a = model.CreateContext(), b = model.CreateContext(), expected = model.CreateContext();
        foreach (ModelContext context in (ModelContext[])[a, b, expected]) context.Read([1, 2, 3], null, Cancellation);
        using ContextBatch batch = model.CreateBatch();
        ModelException e = Assert.Throws<ModelException>(() => batch.ReadOne([a, b], [4, 200], Cancellation));
        Assert.Contains("Context 1", e.Message, StringComparison.Ordinal);
        Assert.Equal((3, 3), (a.Count, b.Count));
        batch.ReadOne([a, b], [4, 4], Cancellation);
        expected.ReadOne(4, Cancellation);
        Near(expected.Logits, a.Logits);
        Near(expected.Logits, b.Logits);
    }

    [Fact]
    public async Task An_opened_context_decodes_in_a_batch_as_the_one_that_was_saved()
    {
        string folder = Directory.CreateTempSubdirectory("halfspace-tests-").FullName;
        try
        {
            using ModelContext saved = Context(AttentionMode.Sparse, 700, 0), other = Context(AttentionMode.Dense, 9, 1);
            string path = Path.Combine(folder, "talk");
            await saved.SaveAsync(path, cancellation: Cancellation);
            using ModelContext opened = _model.OpenContext(path, new ContextOptions { Attention = Attention(AttentionMode.Sparse, 0) });
            using ContextBatch batch = _model.CreateBatch();
            for (int token = 1; token < 5; token++)
            {
                batch.ReadOne([other, opened], [token, token], Cancellation);
                saved.ReadOne(token, Cancellation);
                Near(saved.Logits, opened.Logits);
            }

            Assert.Equal(saved.Tokens.ToArray(), opened.Tokens.ToArray());
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Fact]
    public void Disposing_twice_does_nothing_more()
    {
        ModelContext context = Context(AttentionMode.Sparse, 40, 0), other = Context(AttentionMode.Dense, 4, 0);
        ContextBatch batch = _model.CreateBatch();
        batch.ReadOne([context, other], [1, 2], Cancellation);
        for (int i = 0; i < 2; i++)
        {
            batch.Dispose();
            context.Dispose();
            other.Dispose();
        }

        Assert.Throws<ObjectDisposedException>(() => context.Rewind(1));
    }

    private ModelContext Context(AttentionMode mode, int length, int seed)
    {
        ModelContext context = _model.CreateContext(new ContextOptions { Attention = Attention(mode, seed) });
        context.Read([.. Enumerable.Range(0, length).Select(i => (i * 37 + i / 5 + seed) % 256)], null, Cancellation);
        return context;
    }

    private static AttentionOptions Attention(AttentionMode mode, int seed) => new() { Mode = mode, Policy = new AttentionPolicy.Budget(seed == 1 ? 24 : 64) };

    private static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        float[] difference = new float[expected.Length];
        TensorPrimitives.Subtract(expected, actual, difference);
        float error = TensorPrimitives.Norm<float>(difference) / TensorPrimitives.Norm(expected);
        Assert.True(error < 1e-4f, $"relative difference {error}");
    }
}
