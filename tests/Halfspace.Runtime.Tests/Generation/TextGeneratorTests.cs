using Halfspace.Runtime.Generation;

namespace Halfspace.Runtime.Tests.Generation;

public sealed class TextGeneratorTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private readonly HalfspaceModel _model = fixture.Model;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Generators_whose_contexts_are_read_in_a_batch_give_what_they_give_alone()
    {
        GenerationOptions options = new() { MaxTokens = 20, IgnoreEnd = true };
        string[] alone = [.. Enumerable.Range(0, 3).Select(i =>
        {
            using ModelContext context = Context(i);
            TextGenerator generator = new(context, options, _model.Tokenizer);
            string text = "";
            while (generator.Finish == FinishReason.None) text += generator.Step(Cancellation).Text;
            Assert.Equal((FinishReason.Length, 20), (generator.Finish, generator.Count));
            return text;
        })];

        ModelContext[] contexts = [.. Enumerable.Range(0, 3).Select(Context)];
        TextGenerator[] generators = [.. contexts.Select(c => new TextGenerator(c, options, _model.Tokenizer))];
        string[] together = ["", "", ""];
        using ContextBatch batch = _model.CreateBatch();
        while (generators.Any(g => g.Finish == FinishReason.None))
        {
            for (int i = 0; i < 3; i++)
                if (generators[i].Finish == FinishReason.None) together[i] += generators[i].Step(Cancellation).Text;
            int[] wanting = [.. Enumerable.Range(0, 3).Where(i => generators[i].WantsRead)];
            batch.ReadOne([.. wanting.Select(i => contexts[i])], [.. wanting.Select(i => generators[i].Token)], Cancellation);
        }

        Assert.Equal(alone, together);
        Assert.All(contexts, c => Assert.Equal(5 + 19, c.Count));
        Assert.Throws<InvalidOperationException>(() => generators[0].Step(Cancellation));
        foreach (ModelContext context in contexts) context.Dispose();
    }

    [Fact]
    public void Log_probabilities_are_the_model_s_softmax()
    {
        using ModelContext context = Context(0);
        GenerationOptions options = new() { MaxTokens = 8, IgnoreEnd = true, TopLogProbabilities = 5, Sampling = new SamplingOptions { Temperature = 2, Seed = 3 } };
        TokenGenerator generator = new(context, options, _model.Tokenizer);
        while (true)
        {
            if (generator.WantsRead) context.ReadOne(generator.Token, Cancellation);
            float[] logits = context.Logits.ToArray();
            if (!generator.Next(Cancellation)) break;
            double norm = Math.Log(logits.Sum(l => Math.Exp(l)));
            TokenLogProbability token = generator.LogProbability!;
            Assert.Equal(generator.Token, token.Token);
            Assert.Equal(logits[token.Token] - norm, token.LogProbability, 1e-4);
            Assert.Equal(_model.Tokenizer.TokenBytes(token.Token).ToArray(), token.Bytes.ToArray());
            int[] likeliest = [.. Enumerable.Range(0, logits.Length).OrderByDescending(i => logits[i]).Take(5)];
            Assert.Equal(likeliest, token.Alternatives.Select(a => a.Token));
            Assert.All(token.Alternatives, a => Assert.Equal(logits[a.Token] - norm, a.LogProbability, 1e-4));
        }

        Assert.Equal(8, generator.Count);
    }

    [Fact]
    public void Each_token_s_probability_comes_once_with_its_text()
    {
        GenerationOptions options = new() { MaxTokens = 60, IgnoreEnd = true, TopLogProbabilities = 0, Sampling = new SamplingOptions { Temperature = 3, Seed = 5 } };
        (string text, List<TokenLogProbability> tokens) = Run(options);
        Assert.Equal(60, tokens.Count);
        Assert.Equal(text, _model.Tokenizer.Decode([.. tokens.Select(t => t.Token)]));
        Assert.All(tokens, t => Assert.Empty(t.Alternatives));

        // A stop text takes its tokens with it.
        int at = Enumerable.Range(10, 40).First(i => char.IsAscii(text[i]) && char.IsAscii(text[i + 1]) && text.IndexOf(text[i..(i + 2)], StringComparison.Ordinal) == i);
        (string stopped, tokens) = Run(options with { Stop = [text[at..(at + 2)]] });
        Assert.Equal(text[..at], stopped);
        Assert.Equal(stopped, _model.Tokenizer.Decode([.. tokens.Select(t => t.Token)]));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(21)]
    public void Too_many_alternatives_are_refused(int count)
    {
        using ModelContext context = Context(0);
        ModelException e = Assert.Throws<ModelException>(() => new TokenGenerator(context, new GenerationOptions { TopLogProbabilities = count }, _model.Tokenizer));
        Assert.Contains($"{count}", e.Message, StringComparison.Ordinal);
    }

    private (string Text, List<TokenLogProbability> Tokens) Run(GenerationOptions options)
    {
        using ModelContext context = Context(0);
        TextGenerator generator = new(context, options, _model.Tokenizer);
        string text = "";
        List<TokenLogProbability> tokens = [];
        while (generator.Finish == FinishReason.None)
        {
            GeneratedText piece = generator.Step(Cancellation);
            text += piece.Text;
            tokens.AddRange(piece.LogProbabilities);
        }

        return (text, tokens);
    }

    private ModelContext Context(int seed)
    {
        ModelContext context = _model.CreateContext();
        context.Read([seed, 50, 60, 70, 80], null, Cancellation);
        return context;
    }
}
