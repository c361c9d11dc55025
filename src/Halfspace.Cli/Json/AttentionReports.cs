using System.Text.Json.Serialization;

namespace Halfspace.Cli;

/// <summary>What <c>bench attention</c> prints for a kernel and a number of keys.</summary>
internal sealed record AttentionReport
{
    /// <summary>sparse, dense, scan-float or onnxruntime-gqa.</summary>
    public required string Kernel { get; init; }

    public required int Keys { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    public required int KvHeads { get; init; }

    public required int Dim { get; init; }

    /// <summary>One layer's attention for one query position: the median of the rounds.</summary>
    [JsonPropertyName("us")]
    public required double Microseconds { get; init; }

    [JsonPropertyName("us_min")]
    public required double MicrosecondsMin { get; init; }

    /// <summary>Visible keys times query heads by time, however many of them were read.</summary>
    [JsonPropertyName("pairs_per_s")]
    public required double PairsPerSecond { get; init; }

    /// <summary>Bytes that must come from memory for it.</summary>
    public required long Bytes { get; init; }

    /// <summary>‖output − oracle‖ / ‖oracle‖ of a head, the mean over heads, layers and positions.</summary>
    public required double RelErrorMean { get; init; }

    public required double RelErrorMax { get; init; }

    /// <summary>The mean certified bound of it; null where there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required double? CertificateMean { get; init; }

    /// <summary>Keys that a query head attended to exactly, on average.</summary>
    public required double KeysReported { get; init; }
}

/// <summary>What <c>bench attention</c> prints after the kernels: what memory allows, and how it was measured.</summary>
internal sealed record AttentionRoofline
{
    public bool Roofline { get; } = true;

    public required int Keys { get; init; }

    public required int Threads { get; init; }

    /// <summary>Reading a buffer much larger than the caches, with the same threads: the median of the rounds.</summary>
    [JsonPropertyName("read_gb_per_s")]
    public required double ReadGigabytesPerSecond { get; init; }

    [JsonPropertyName("read_gb_per_s_max")]
    public required double ReadGigabytesPerSecondMax { get; init; }

    public required long ReadBytes { get; init; }

    /// <summary>Bytes by kernel.</summary>
    public required IReadOnlyDictionary<string, long> Bytes { get; init; }

    /// <summary>Bytes by time by the read bandwidth, by kernel.</summary>
    public required IReadOnlyDictionary<string, double> BandwidthShare { get; init; }

    /// <summary>The golden layers in use.</summary>
    public required IReadOnlyList<int> Layers { get; init; }

    /// <summary>Sets of keys that took turns; more than layers where few layers were found.</summary>
    public required int Sets { get; init; }

    public required int Rounds { get; init; }

    public required string Policy { get; init; }

    public required string Simd { get; init; }

    public required string Onnxruntime { get; init; }
}
