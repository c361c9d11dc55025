using System.Text;
using System.Text.Json;
using Halfspace.Attention;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Golden;

/// <summary>The model with ReLU attention, loaded once.</summary>
public sealed class ReluModelFixture : IDisposable
{
    public HalfspaceModel Model { get; } = HalfspaceModel.Load(Repository.File("models/kjv-relu2.gguf"));

    public void Dispose() => Model.Dispose();
}

/// <summary>kjv-relu2.gguf against the reference implementation's results, dense and sparse.</summary>
public sealed class ReluModelTests(ReluModelFixture fixture) : IClassFixture<ReluModelFixture>
{
    private static readonly AttentionOptions Dense = new() { Mode = AttentionMode.Dense }, Sparse = new();
    private static readonly JsonElement Golden = JsonDocument.Parse(Repository.GoldenText("relu")).RootElement;
    private static readonly int[] Ids = Ints("ids");
    private readonly HalfspaceModel _model = fixture.Model;

    [Fact]
    public void Its_hyper_parameters_say_what_its_attention_is()
    {
        Assert.Equal("halfspace-relu", _model.Config.Architecture);
        AttentionFunction.Relu relu = Assert.IsType<AttentionFunction.Relu>(_model.Config.Function);
        Assert.Equal(2, relu.Power);
        Assert.Equal(0.4, relu.BiasScale, 1e-7);
        Assert.Equal(1e-6, relu.Epsilon);
        Assert.Equal(new AttentionShape(4, 3, 1, 64), _model.Config.Attention);
    }

    [Fact]
    public void Read_densely_it_gives_golden_likelihoods_logits_and_keys_used()
    {
        using ModelContext context = _model.CreateContext();
        float[] expected = Repository.Golden<float>("relu.nll"), logits = [];
        double sum = 0;
        for (int start = 0; start < Ids.Length; start += 128)
        {
            context.ReadScored(Ids.AsSpan(start, 128), decoding: false, TestContext.Current.CancellationToken);
            for (int i = 0; i < 128 && start + i < expected.Length; i++)
            {
                double nll = LogLikelihood.Of(context.LogitsOf(i), Ids[start + i + 1]);
                Assert.Equal(expected[start + i], nll, 0.05);
                sum += nll;
            }
            logits = context.LogitsOf(127).ToArray();
        }

        Assert.Equal(Golden.GetProperty("nll_mean").GetDouble(), sum / expected.Length, 0.002);
        float[] last = Repository.Golden<float>("relu.logits");
        for (int i = 0; i < last.Length; i++) Assert.Equal(last[i], logits[i], 0.02f);
        RequireGoldenCounts(context.PromptLayerCounters);
    }

    [Fact]
    public void Decoded_sparsely_it_gives_every_logit_of_dense_decoding_and_uses_golden_keys()
    {
        using ModelContext dense = _model.CreateContext(new ContextOptions { Attention = Dense });
        using ModelContext sparse = _model.CreateContext(new ContextOptions { Attention = Sparse });
        using ModelContext scan = _model.CreateContext(new ContextOptions { Attention = Sparse with { Scores = ScoreSource.Exact } });
        for (int i = 0; i < Ids.Length; i++)
        {
            dense.ReadOne(Ids[i], TestContext.Current.CancellationToken);
            sparse.ReadOne(Ids[i], TestContext.Current.CancellationToken);
            RequireSame(dense.Logits, sparse.Logits, i);
            if (i >= 256) continue;
            scan.ReadOne(Ids[i], TestContext.Current.CancellationToken);
            RequireSame(dense.Logits, scan.Logits, i);
        }

        RequireGoldenCounts(dense.LayerCounters);
        RequireGoldenCounts(sparse.LayerCounters);
        AttentionCounters all = sparse.Counters;
        Assert.Equal(4L * 3 * Ids.Length, all.Rows);
        Assert.Equal(all.Rows * (Ids.Length + 1) / 2, all.KeysVisible);
        Assert.InRange(all.KeysAttended, all.KeysUsed, all.KeysVisible / 2);
    }

    [Fact]
    public void A_prompt_may_be_read_sparsely_too()
    {
        using ModelContext dense = _model.CreateContext(), sparse = _model.CreateContext(new ContextOptions { PromptAttention = Sparse });
        for (int start = 0; start < Ids.Length; start += 128)
        {
            foreach (ModelContext context in new[] { dense, sparse })
                context.ReadScored(Ids.AsSpan(start, 128), decoding: false, TestContext.Current.CancellationToken);
            // Tiles sum in another order than rows do, and a last bit can move a later layer's key to the next float16.
            for (int i = 0; i < 128; i++)
                for (int c = 0; c < 257; c++) Assert.Equal(dense.LogitsOf(i)[c], sparse.LogitsOf(i)[c], 0.02f);
        }

        RequireGoldenCounts(sparse.PromptLayerCounters);
    }

    [Theory]
    [InlineData(AttentionMode.Dense)]
    [InlineData(AttentionMode.Sparse)]
    public void Greedy_bytes_are_golden_up_to_the_first_narrow_margin(AttentionMode mode)
    {
        int[] expected = Ints("greedy");
        float[] margins = [.. Golden.GetProperty("margins").EnumerateArray().Select(x => x.GetSingle())];
        using ModelContext context = _model.CreateContext(new ContextOptions { Attention = Sparse with { Mode = mode } });
        context.Read(Prompt(), null, TestContext.Current.CancellationToken);
        TokenGenerator generator = new(context, new GenerationOptions { MaxTokens = expected.Length, IgnoreEnd = true }, _model.Tokenizer);
        int first = Array.FindIndex(margins, margin => margin < 0.2f);
        for (int i = 0; i < first; i++)
        {
            Assert.True(generator.Next(TestContext.Current.CancellationToken));
            Assert.Equal(expected[i], generator.Token);
        }

        // Past it golden's own bytes are given, and every wide margin is held to.
        context.Rewind(0);
        context.Read(Prompt(), null, TestContext.Current.CancellationToken);
        for (int i = 0; i < expected.Length; i++)
        {
            if (margins[i] >= 0.2f) Assert.Equal(expected[i], System.Numerics.Tensors.TensorPrimitives.IndexOfMax(context.Logits));
            context.ReadOne(expected[i], TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void Greedy_bytes_of_sparse_and_dense_decoding_are_equal()
    {
        List<int>[] generated = [[], []];
        for (int way = 0; way < 2; way++)
        {
            using ModelContext context = _model.CreateContext(new ContextOptions { Attention = way == 0 ? Dense : Sparse });
            context.Read(Ids.AsSpan(0, 1500), null, TestContext.Current.CancellationToken);
            TokenGenerator generator = new(context, new GenerationOptions { MaxTokens = 300, IgnoreEnd = true }, _model.Tokenizer);
            while (generator.Next(TestContext.Current.CancellationToken)) generated[way].Add(generator.Token);
        }

        Assert.Equal(300, generated[0].Count);
        Assert.Equal(generated[0], generated[1]);
    }

    [Fact]
    public void Its_tokens_are_bytes_and_it_has_no_chat_template()
    {
        const string Text = "And God said, Let there be light: — ÿ\u0000\U0001F331\r\n";
        int[] ids = _model.Tokenizer.Encode(Text);
        Assert.Equal(Encoding.UTF8.GetBytes(Text).Select(b => (int)b), ids);
        Assert.Equal(Text, _model.Tokenizer.Decode(ids));
        Assert.False(_model.Tokenizer.AddBos);
        Assert.Equal([256], _model.Tokenizer.EndIds);
        ModelException e = Assert.Throws<ModelException>(() => _model.EncodeChat([new ChatTurn("user", "Hello")]));
        Assert.EndsWith("kjv-relu2.gguf has no chat template; use --raw to send the prompt as it is.", e.Message, StringComparison.Ordinal);
    }

    private static void RequireGoldenCounts(ReadOnlySpan<AttentionCounters> layers)
    {
        double[] keys = Doubles("keys_mean_by_layer"), empty = Doubles("empty_rows_by_layer");
        Assert.Equal(keys.Length, layers.Length);
        for (int layer = 0; layer < keys.Length; layer++)
        {
            // Golden has two decimals.
            Assert.Equal(keys[layer], layers[layer].KeysUsedPerHead, 0.01);
            Assert.Equal(empty[layer], (double)layers[layer].RowsEmpty / layers[layer].Rows, 0.00001);
        }
    }

    // A key outside the half-space weighs 0, and keys are summed in the same order: not a bit differs.
    private static void RequireSame(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, int position)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(expected[i] == actual[i], $"position {position}, logit {i}: {actual[i]} instead of {expected[i]}");
    }

    private static int[] Prompt() => [.. Encoding.UTF8.GetBytes(Golden.GetProperty("prompt").GetString()!).Select(b => (int)b)];

    private static int[] Ints(string name) => [.. Golden.GetProperty(name).EnumerateArray().Select(x => x.GetInt32())];

    private static double[] Doubles(string name) => [.. Golden.GetProperty(name).EnumerateArray().Select(x => x.GetDouble())];
}
