using System.Text;
using Halfspace.Runtime;
using Halfspace.Tests;
using Microsoft.Extensions.AI;
using OpenAI.Chat;
using ChatMessage = OpenAI.Chat.ChatMessage;

namespace Halfspace.Server.Tests;

/// <summary>A server of the model that is part of the repository.</summary>
public sealed class EmbeddedServer : IAsyncLifetime
{
    public const string Name = "SmolLM2";

    internal RunningServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await RunningServer.StartAsync(options =>
        options.Models.Add(new ServedModelOptions(Name, Repository.EmbeddedModel) { Context = new ContextOptions { Limit = 1024 } }));

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>Answers that mean something.</summary>
public sealed class EmbeddedTests(EmbeddedServer embedded) : IClassFixture<EmbeddedServer>
{
    private const string Question = "What is the capital of France? Answer in one short sentence.";
    private readonly ChatClient _chat = embedded.Server.Client().GetChatClient(EmbeddedServer.Name);

    [Fact]
    public async Task OpenAi_s_client_gets_an_answer()
    {
        ChatMessage[] messages = [new UserChatMessage(Question)];
        ChatCompletion answer = await _chat.CompleteChatAsync(messages, new ChatCompletionOptions { MaxOutputTokenCount = 40 },
            TestContext.Current.CancellationToken);
        Assert.Contains("Paris", answer.Content[0].Text, StringComparison.Ordinal);
        Assert.Equal(OpenAI.Chat.ChatFinishReason.Stop, answer.FinishReason);
    }

    [Fact]
    public async Task Microsoft_s_adapter_streams_an_answer()
    {
        using IChatClient client = _chat.AsIChatClient();
        StringBuilder text = new();
        UsageDetails? usage = null;
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(Question, new ChatOptions { MaxOutputTokens = 40 },
            TestContext.Current.CancellationToken))
        {
            text.Append(update.Text);
            foreach (UsageContent content in update.Contents.OfType<UsageContent>()) usage = content.Details;
        }

        Assert.Contains("Paris", text.ToString(), StringComparison.Ordinal);
        Assert.True(usage?.OutputTokenCount > 0);
    }
}
