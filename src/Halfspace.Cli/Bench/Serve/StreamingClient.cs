using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Halfspace.Cli.Bench.Serve;

/// <summary>How a request ended: whole, by an error that the server named, or by a stream that stopped.</summary>
internal enum AnswerEnd { Done, Failed, Lost }

/// <summary>A request and what became of it.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Seconds">From the request to its end.</param>
/// <param name="FirstToken">Seconds from the request to the first text; those to the end if there was none.</param>
/// <param name="Tokens">Tokens generated, as the server counts them.</param>
/// <param name="Error">Why it is not whole.</param>
internal readonly record struct StreamedAnswer(AnswerEnd End, double Seconds, double FirstToken, int Tokens, string? Error);

/// <summary>Asks a server for chat completions and reads them as they are streamed.</summary>
internal sealed class StreamingClient(HttpClient http, int maxTokens)
{
    // An answer that takes longer is taken for one that never comes.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Asks a question and reads its answer to the end.</summary>
    public async Task<StreamedAnswer> AskAsync(string question, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        Reading reading = new(Stopwatch.GetTimestamp());
        try
        {
            using HttpRequestMessage request = new(HttpMethod.Post, "v1/chat/completions");
            LoadRequest body = new([new LoadMessage("user", question)], maxTokens);
            request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, CliJson.Default.LoadRequest));
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using HttpResponseMessage response =
                await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                string text = await response.Content.ReadAsStringAsync(limit.Token).ConfigureAwait(false);
                return reading.Ended(AnswerEnd.Failed, string.Create(CultureInfo.InvariantCulture, $"{(int)response.StatusCode} {text}"));
            }

            Stream stream = await response.Content.ReadAsStreamAsync(limit.Token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await foreach (SseItem<string> item in SseParser.Create(stream).EnumerateAsync(limit.Token).ConfigureAwait(false))
                {
                    if (item.Data == "[DONE]") return reading.Ended(AnswerEnd.Done, null);
                    if (reading.Take(item.Data) is { } error) return reading.Ended(AnswerEnd.Failed, error);
                }
            }

            return reading.Ended(AnswerEnd.Lost, "The stream ended without [DONE].");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return reading.Ended(AnswerEnd.Lost, string.Create(CultureInfo.InvariantCulture, $"No end of an answer in {Patience.TotalMinutes} minutes."));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            return reading.Ended(AnswerEnd.Lost, e.Message);
        }
    }

    /// <summary>What has been read of a stream.</summary>
    private sealed class Reading(long start)
    {
        private double? _firstToken;
        private int _tokens;

        /// <summary>Takes an event; gives the error if it is one.</summary>
        public string? Take(string data)
        {
            using JsonDocument json = JsonDocument.Parse(data);
            JsonElement root = json.RootElement;
            if (root.TryGetProperty("error", out JsonElement error)) return error.ToString();
            if (root.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object)
                _tokens = usage.GetProperty("completion_tokens").GetInt32();
            if (_firstToken is null && root.TryGetProperty("choices", out JsonElement choices) && choices.EnumerateArray().Any(HasText))
                _firstToken = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return null;
        }

        public StreamedAnswer Ended(AnswerEnd end, string? error)
        {
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return new StreamedAnswer(end, seconds, _firstToken ?? seconds, _tokens, error);
        }

        private static bool HasText(JsonElement choice) => choice.TryGetProperty("delta", out JsonElement delta)
            && delta.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.String && content.GetString() is not "";
    }
}
