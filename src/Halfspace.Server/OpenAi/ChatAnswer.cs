using System.Text;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;
using Halfspace.Server.Http;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi;

/// <summary>An answer to a chat, whole or streamed.</summary>
/// <param name="http">The request.</param>
/// <param name="model">The model's name.</param>
/// <param name="created">When, in seconds since 1970.</param>
/// <param name="context">The saved context, if there is one.</param>
/// <param name="parser">Takes calls of functions out of the text; null if there are no functions.</param>
internal sealed class ChatAnswer(HttpContext http, string model, long created, string? context, ToolCallParser? parser)
{
    private readonly string _id = AnswerFields.NewId("chatcmpl-");

    /// <summary>Sends it whole.</summary>
    public async Task SendAsync(IAsyncEnumerable<AnswerPiece> pieces)
    {
        StringBuilder text = new();
        List<TokenLogProbability> tokens = [];
        AnswerTotals totals = null!;
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            text.Append(Text(piece));
            tokens.AddRange(piece.Tokens);
            totals = piece.Totals ?? totals;
        }

        bool called = parser is { Calls.Count: > 0 };
        string? content = called && text.Length == 0 ? null : text.ToString();
        ChatMessage message = new("assistant", content, called ? ToolFields.Calls(parser!.Calls) : null);
        ChatChoice choice = new(0, message, Logprobs.Of(tokens), Finish(totals));
        ChatCompletion completion = new(
            _id, "chat.completion", created, model, [choice], AnswerFields.Usage(totals), AnswerFields.Report(totals, context));
        await ApiRoute.SendAsync(http, completion, ServerJson.Wire.ChatCompletion).ConfigureAwait(false);
    }

    /// <summary>Sends it piece by piece.</summary>
    public async Task StreamAsync(IAsyncEnumerable<AnswerPiece> pieces, bool usage)
    {
        EventStream stream = new(http);
        Task Send(ChatChunk chunk) => stream.SendAsync(chunk, ServerJson.Wire.ChatChunk);
        await stream.StartAsync().ConfigureAwait(false);
        await Send(Chunk(new ChatDelta("assistant", ""))).ConfigureAwait(false);
        int sent = 0;
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            string text = Text(piece);
            if (text.Length > 0 || piece.Tokens.Count > 0)
                await Send(Chunk(new ChatDelta(null, text), Logprobs.Of(piece.Tokens))).ConfigureAwait(false);
            if (parser is not null && parser.Calls.Count > sent)
            {
                await Send(Chunk(new ChatDelta(null, null, ToolFields.Calls(parser.Calls, sent)))).ConfigureAwait(false);
                sent = parser.Calls.Count;
            }

            if (piece.Totals is not { } totals) continue;
            ChatChunk last = Chunk(new ChatDelta(null, null), null, Finish(totals));
            await Send(last with { Halfspace = AnswerFields.Report(totals, context) }).ConfigureAwait(false);
            if (usage) await Send(last with { Choices = [], Usage = AnswerFields.Usage(totals) }).ConfigureAwait(false);
        }

        await stream.DoneAsync().ConfigureAwait(false);
    }

    private string Text(AnswerPiece piece) =>
        parser is null ? piece.Text : parser.Append(piece.Text) + (piece.Totals is null ? "" : parser.Flush());

    private string Finish(AnswerTotals totals) => parser is { Calls.Count: > 0 } ? "tool_calls" : AnswerFields.Finish(totals);

    private ChatChunk Chunk(ChatDelta delta, ChatLogprobs? logprobs = null, string? finish = null) =>
        new(_id, "chat.completion.chunk", created, model, [new ChatChunkChoice(0, delta, logprobs, finish)], null);
}
