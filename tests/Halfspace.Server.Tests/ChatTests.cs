using System.ClientModel;
using System.Text;
using OpenAI.Chat;

namespace Halfspace.Server.Tests;

/// <summary>Chat with OpenAI's own client.</summary>
public sealed class ChatTests(TinyServer tiny) : IClassFixture<TinyServer>
{
    private static readonly ChatMessage[] _messages = [new SystemChatMessage("Be brief."), new UserChatMessage("Name a colour.")];
    private readonly ChatClient _chat = tiny.Server.Client().GetChatClient(TinyServer.Name);

    [Fact]
    public async Task A_streamed_answer_is_the_answer()
    {
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 20 };
        ChatCompletion whole = await _chat.CompleteChatAsync(_messages, options, TestContext.Current.CancellationToken);
        StringBuilder streamed = new();
        ChatFinishReason? finish = null;
        ChatTokenUsage? usage = null;
        int pieces = 0;
        await foreach (StreamingChatCompletionUpdate update in _chat.CompleteChatStreamingAsync(_messages, options,
            TestContext.Current.CancellationToken))
        {
            foreach (ChatMessageContentPart part in update.ContentUpdate) streamed.Append(part.Text);
            finish = update.FinishReason ?? finish;
            usage = update.Usage ?? usage;
            pieces++;
        }

        Assert.Equal(whole.Content[0].Text, streamed.ToString());
        Assert.NotEqual("", streamed.ToString());
        Assert.True(pieces > 5);
        Assert.Equal(ChatFinishReason.Length, whole.FinishReason);
        Assert.Equal(ChatFinishReason.Length, finish);
        Assert.Equal(20, whole.Usage.OutputTokenCount);
        Assert.Equal(20, usage!.OutputTokenCount);
        Assert.Equal(whole.Usage.InputTokenCount, usage.InputTokenCount);
        Assert.Equal(TinyServer.Name, whole.Model);
    }

    [Fact]
    public async Task A_conversation_that_goes_on_is_not_read_again()
    {
        string text = string.Concat(Enumerable.Range(0, 60).Select(i => $"Line {i}. "));
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 1 };
        ChatCompletion first = await _chat.CompleteChatAsync([new UserChatMessage(text)], options, TestContext.Current.CancellationToken);
        ChatCompletion second = await _chat.CompleteChatAsync(
            [new UserChatMessage(text), new AssistantChatMessage("Yes."), new UserChatMessage("And?")], options,
                TestContext.Current.CancellationToken);
        Assert.Equal(0, first.Usage.InputTokenDetails?.CachedTokenCount ?? 0);
        Assert.InRange(second.Usage.InputTokenDetails.CachedTokenCount, first.Usage.InputTokenCount - "<assistant>".Length - 1,
            first.Usage.InputTokenCount);
    }

    [Fact]
    public async Task What_a_context_knew_already_changes_no_answer()
    {
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 24 };
        ChatMessage[] messages = [new UserChatMessage(string.Concat(Enumerable.Range(0, 40).Select(i => $"Word{i} ")))];
        ChatCompletion fresh = await _chat.CompleteChatAsync(messages, options, TestContext.Current.CancellationToken);
        ChatCompletion again = await _chat.CompleteChatAsync(messages, options, TestContext.Current.CancellationToken);
        Assert.Equal(fresh.Usage.InputTokenCount - 1, again.Usage.InputTokenDetails.CachedTokenCount);
        Assert.Equal(fresh.Content[0].Text, again.Content[0].Text);
    }

    [Fact]
    public async Task A_seed_makes_a_drawn_answer_repeatable()
    {
        async Task<string> Ask(long seed)
        {
            ChatCompletion answer = await _chat.CompleteChatAsync(_messages,
                new ChatCompletionOptions { MaxOutputTokenCount = 16, Temperature = 1, TopP = 0.9f, Seed = seed });
            return answer.Content[0].Text;
        }

        Assert.Equal(await Ask(5), await Ask(5));
        Assert.NotEqual(await Ask(5), await Ask(6));
    }

    [Fact]
    public async Task A_stop_text_ends_the_answer_and_is_not_part_of_it()
    {
        ChatCompletion whole = await _chat.CompleteChatAsync(_messages, new ChatCompletionOptions { MaxOutputTokenCount = 20 },
            TestContext.Current.CancellationToken);
        string text = whole.Content[0].Text, stop = text.Substring(text.Length / 2, 2);
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 20 };
        options.StopSequences.Add(stop);
        ChatCompletion cut = await _chat.CompleteChatAsync(_messages, options, TestContext.Current.CancellationToken);
        Assert.Equal(ChatFinishReason.Stop, cut.FinishReason);
        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)], cut.Content.Count == 0 ? "" : cut.Content[0].Text);
    }

    [Fact]
    public async Task Log_probabilities_come_with_the_likeliest_tokens()
    {
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 6, IncludeLogProbabilities = true, TopLogProbabilityCount = 3 };
        ChatCompletion answer = await _chat.CompleteChatAsync(_messages, options, TestContext.Current.CancellationToken);
        Assert.Equal(6, answer.ContentTokenLogProbabilities.Count);
        foreach (ChatTokenLogProbabilityDetails token in answer.ContentTokenLogProbabilities)
        {
            Assert.Equal(3, token.TopLogProbabilities.Count);
            // Greedy takes the likeliest.
            Assert.Equal(token.TopLogProbabilities[0].LogProbability, token.LogProbability);
            Assert.Equal(token.TopLogProbabilities.OrderByDescending(top => top.LogProbability), token.TopLogProbabilities);
            Assert.InRange(token.LogProbability, -20f, 0f);
            Assert.True(token.TopLogProbabilities.Sum(top => Math.Exp(top.LogProbability)) <= 1.0001);
        }
    }

    [Fact]
    public async Task A_model_that_is_not_there_is_said_so()
    {
        ClientResultException e = await Assert.ThrowsAsync<ClientResultException>(
            () => tiny.Server.Client().GetChatClient("other").CompleteChatAsync(_messages, null, TestContext.Current.CancellationToken));
        Assert.Equal(404, e.Status);
    }
}
