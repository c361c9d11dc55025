using System.Text;
using Halfspace.Attention;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Saved;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Golden;

/// <summary>A fact somewhere in a long text is found, whether its prompt was read densely or sparsely.</summary>
[Collection(nameof(EmbeddedModelFixture))]
public sealed class NeedleTests(EmbeddedModelFixture fixture)
{
    private const string Needle = "The secret number of the harbour is 7421.", Question = "What is the secret number of the harbour?";

    [Theory]
    [InlineData(AttentionMode.Dense, 512)]
    [InlineData(AttentionMode.Sparse, 512)]
    [InlineData(AttentionMode.Sparse, 200)]
    public async Task It_is_found(AttentionMode prompt, int chunk)
    {
        // From where an index begins: the text is shorter than where sparse prompts begin to pay.
        AttentionOptions sparse = new() { PromptFrom = 0 };
        using ModelContext context = fixture.Model.CreateContext(new ContextOptions
        {
            Attention = sparse,
            PromptAttention = sparse with { Mode = prompt },
            ChunkTokens = chunk,
        });
        string text = File.ReadAllText(Path.Combine(Repository.Root, "samples", "ruth.txt"))[..10_000];
        foreach (double depth in (double[])[0.15, 0.8])
        {
            int at = text.IndexOf('\n', (int)(depth * text.Length));
            int[] tokens = new ContextDocument(null, $"{text[..at]}\n{Needle}\n{text[at..]}").Prompt(fixture.Model, Question);
            StringBuilder answer = new();
            await foreach (GeneratedText piece in fixture.Model.Generate(
                context, tokens, new GenerationOptions { MaxTokens = 24 }, cancellation: TestContext.Current.CancellationToken))
                answer.Append(piece.Text);
            Assert.Contains("7421", answer.ToString(), StringComparison.Ordinal);
        }
        Assert.Equal(prompt == AttentionMode.Sparse, context.PromptCounters.RowsDense < context.PromptCounters.Rows);
        Assert.Equal(0, context.Counters.RowsDense);
    }
}
