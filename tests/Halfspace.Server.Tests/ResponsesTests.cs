using System.Net;
using System.Text;
using OpenAI.Responses;

namespace Halfspace.Server.Tests;

/// <summary>The Responses API with OpenAI's own client, and as plain HTTP.</summary>
public sealed class ResponsesTests(TinyServer tiny) : IClassFixture<TinyServer>
{
    private readonly RunningServer _server = tiny.Server;

    [Fact]
    public async Task A_streamed_response_is_the_response()
    {
        ResponsesClient client = _server.Client().GetResponsesClient();
        static CreateResponseOptions Options(bool stream) => new(TinyServer.Name, [ResponseItem.CreateUserMessageItem("Name a colour.")])
        {
            MaxOutputTokenCount = 20,
            StreamingEnabled = stream,
            Instructions = "Be brief.",
        };

        ResponseResult whole = await client.CreateResponseAsync(Options(false), TestContext.Current.CancellationToken);
        StringBuilder text = new();
        ResponseResult? finished = null;
        string? done = null;
        List<int> sequence = [];
        await foreach (StreamingResponseUpdate update in await client.CreateResponseStreamingAsync(Options(true),
            TestContext.Current.CancellationToken))
        {
            sequence.Add(update.SequenceNumber);
            if (update is StreamingResponseOutputTextDeltaUpdate delta) text.Append(delta.Delta);
            if (update is StreamingResponseOutputTextDoneUpdate all) done = all.Text;
            if (update is StreamingResponseIncompleteUpdate end) finished = end.Response;
        }

        Assert.Equal(Enumerable.Range(0, sequence.Count), sequence);
        Assert.NotEqual("", whole.GetOutputText());
        Assert.Equal(whole.GetOutputText(), text.ToString());
        Assert.Equal(whole.GetOutputText(), done);
        Assert.Equal(whole.GetOutputText(), finished!.GetOutputText());
        Assert.Equal(ResponseStatus.Incomplete, whole.Status);
        Assert.Equal(20, whole.Usage.OutputTokenCount);
        Assert.Equal(20, finished.Usage.OutputTokenCount);
    }

    [Theory]
    [InlineData("{}", "input", "missing")]
    [InlineData("""{"input": 5}""", "input", "a text, or an array")]
    [InlineData("""{"input": []}""", "input", "empty")]
    [InlineData("""{"input": [5]}""", "input", "a text, or an array")]
    [InlineData("""{"input": [{"type": "function_call_output", "output": "x"}]}""", "input", "a text, or an array")]
    [InlineData("""{"input": [{"role": "king", "content": "x"}]}""", "input[0].role", "must be")]
    [InlineData("""{"input": "a", "previous_response_id": "resp_1"}""", "previous_response_id", "not stored")]
    [InlineData("""{"input": "a", "text": {"format": {"type": "json_object"}}}""", "text.format", "Only text")]
    [InlineData("""{"input": "a", "max_output_tokens": 0}""", "max_output_tokens", "at least 1")]
    public async Task A_request_that_makes_no_sense_is_refused(string body, string param, string part)
    {
        (await _server.PostAsync("/v1/responses", body)).ExpectError(HttpStatusCode.BadRequest, param, part);
        await _server.ExpectAliveAsync();
    }
}
