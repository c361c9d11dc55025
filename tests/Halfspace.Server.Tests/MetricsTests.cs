using System.Globalization;
using System.Net;

namespace Halfspace.Server.Tests;

public sealed class MetricsTests(TinyServer tiny) : IClassFixture<TinyServer>
{
    [Fact]
    public async Task What_was_done_is_counted()
    {
        // Meters are the process's: the model's name keeps this server's numbers apart from other tests'.
        await using RunningServer server = await tiny.StartAsync(name: "counted");
        string prompt = new('a', 100);
        for (int i = 0; i < 2; i++) await server.PostAsync("/v1/completions", $$"""{"prompt": "{{prompt}}", "max_tokens": 5}""");
        await server.PostAsync("/v1/completions", """{"prompt": "xyz", "max_tokens": 1}""");
        string text = "";
        // The exporter keeps an answer for a moment.
        for (int i = 0; i < 100 && Value(text, "halfspace_answers_total", "end=\"length\"") < 3; i++)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
            Reply reply = await server.GetAsync("/metrics");
            Assert.Equal(HttpStatusCode.OK, reply.Status);
            text = reply.Text;
        }

        Assert.Equal(3, Value(text, "halfspace_answers_total", "end=\"length\""));
        Assert.Equal(11, Value(text, "halfspace_generated_tokens_total"));
        Assert.Equal(99, Value(text, "halfspace_prompt_tokens_total", "cached=\"true\""));
        Assert.Equal(104, Value(text, "halfspace_prompt_tokens_total", "cached=\"false\""));
        Assert.Equal(3, Value(text, "halfspace_time_to_first_token_seconds_count"));
        Assert.Equal(3, Value(text, "halfspace_answer_duration_seconds_count"));
        Assert.Equal(2, Value(text, "halfspace_keys_per_head_count"));
        Assert.Equal(2, Value(text, "halfspace_certificate_count"));
        Assert.Equal(0, Value(text, "halfspace_queue_length"));
        Assert.Equal(0, Value(text, "halfspace_slots_busy"));
    }

    [Fact]
    public async Task Metrics_ask_for_the_key()
    {
        await using RunningServer server = await tiny.StartAsync(options => options.ApiKeys = ApiKeys.Parse(["key"]));
        (await server.GetAsync("/metrics")).ExpectError(HttpStatusCode.Unauthorized, null, "API key");
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", "key");
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/metrics")).Status);
    }

    private static double Value(string text, string name, string tag = "")
    {
        string? line = text.Split('\n').FirstOrDefault(line => line.StartsWith(name + "{", StringComparison.Ordinal)
            && line.Contains("model=\"counted\"", StringComparison.Ordinal) && line.Contains(tag, StringComparison.Ordinal));
        return line is null ? -1 : double.Parse(line.Split("} ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
    }
}
