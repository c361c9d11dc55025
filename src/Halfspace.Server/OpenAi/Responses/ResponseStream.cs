using System.Text;
using Halfspace.Server.Http;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi.Responses;

/// <summary>An answer as the events that OpenAI's clients expect, in their order.</summary>
internal sealed class ResponseStream(HttpContext http, ResponseBody body)
{
    private readonly EventStream _stream = new(http);
    private readonly string _id = AnswerFields.NewId("msg_");
    private int _sequence;

    public async Task RunAsync(IAsyncEnumerable<AnswerPiece> pieces)
    {
        await _stream.StartAsync().ConfigureAwait(false);
        await SendAsync(Event("response.created") with { Response = body }).ConfigureAwait(false);
        await SendAsync(Event("response.in_progress") with { Response = body }).ConfigureAwait(false);
        ResponseItem begun = ResponseEndpoint.Message(_id, null, null);
        await SendAsync(Event("response.output_item.added") with { OutputIndex = 0, Item = begun }).ConfigureAwait(false);
        await SendAsync(OfPart("response.content_part.added") with { Part = new ResponsePart("output_text", "") }).ConfigureAwait(false);
        StringBuilder text = new();
        AnswerTotals totals = null!;
        await foreach (AnswerPiece piece in pieces.ConfigureAwait(false))
        {
            totals = piece.Totals ?? totals;
            if (piece.Text.Length == 0) continue;
            text.Append(piece.Text);
            await SendAsync(OfPart("response.output_text.delta") with { Delta = piece.Text }).ConfigureAwait(false);
        }

        string whole = text.ToString();
        ResponseItem item = ResponseEndpoint.Message(_id, whole, totals);
        ResponseBody finished = ResponseEndpoint.Finished(body, item, totals);
        await SendAsync(OfPart("response.output_text.done") with { Text = whole }).ConfigureAwait(false);
        await SendAsync(OfPart("response.content_part.done") with { Part = item.Content[0] }).ConfigureAwait(false);
        await SendAsync(Event("response.output_item.done") with { OutputIndex = 0, Item = item }).ConfigureAwait(false);
        await SendAsync(Event("response." + finished.Status) with { Response = finished }).ConfigureAwait(false);
    }

    private ResponseEvent Event(string type) => new(type, _sequence++);

    private ResponseEvent OfPart(string type) => Event(type) with { ItemId = _id, OutputIndex = 0, ContentIndex = 0 };

    private Task SendAsync(ResponseEvent value) => _stream.SendAsync(value, ServerJson.Wire.ResponseEvent, value.Type);
}
