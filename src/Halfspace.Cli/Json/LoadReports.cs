using System.Text.Json.Serialization;

namespace Halfspace.Cli;

/// <summary>A chat completion as <c>bench serve</c> asks for it: streamed, greedy, with its usage.</summary>
internal sealed record LoadRequest(IReadOnlyList<LoadMessage> Messages, int MaxTokens)
{
    public double Temperature { get; }

    public bool Stream { get; } = true;

    public LoadStreamOptions StreamOptions { get; } = new(true);
}

/// <summary>A message of a <see cref="LoadRequest"/>.</summary>
internal sealed record LoadMessage(string Role, string Content);

/// <summary>What a stream has besides the answer.</summary>
internal sealed record LoadStreamOptions(bool IncludeUsage);

/// <summary>What <c>bench serve</c> prints of clients that ask again and again.</summary>
internal sealed record LoadReport
{
    public required int Clients { get; init; }

    /// <summary>Until the last answer's end.</summary>
    public required double Seconds { get; init; }

    public required int Requests { get; init; }

    /// <summary>Refused, or ended by an error that the server named.</summary>
    public required int Failed { get; init; }

    /// <summary>Streams that ended without [DONE].</summary>
    public required int Lost { get; init; }

    /// <summary>Whole answers of the client that had the fewest.</summary>
    public required int FewestOfAClient { get; init; }

    [JsonPropertyName("answer_s_median")]
    public required double MedianSeconds { get; init; }

    [JsonPropertyName("answer_s_slowest")]
    public required double SlowestSeconds { get; init; }

    public required double SlowestOverMedian { get; init; }

    [JsonPropertyName("first_token_s_median")]
    public required double FirstTokenMedianSeconds { get; init; }

    [JsonPropertyName("first_token_s_slowest")]
    public required double FirstTokenSlowestSeconds { get; init; }

    public required long Tokens { get; init; }

    [JsonPropertyName("tokens_per_s")]
    public required double TokensPerSecond { get; init; }

    /// <summary>Memory of the process after warming up, clients included; null where the server runs elsewhere.</summary>
    public long? MemoryBytesStart { get; init; }

    public long? MemoryBytesEnd { get; init; }
}

/// <summary>What <c>bench serve --compare</c> prints: questions at once beside as many one after another.</summary>
internal sealed record ThroughputReport
{
    public required int AtOnce { get; init; }

    public required int Rounds { get; init; }

    public required int Failed { get; init; }

    public required int Lost { get; init; }

    [JsonPropertyName("one_after_another_tokens_per_s")]
    public required double SerialTokensPerSecond { get; init; }

    [JsonPropertyName("at_once_tokens_per_s")]
    public required double ParallelTokensPerSecond { get; init; }

    public required double Ratio { get; init; }
}
