using System.Text.Json.Serialization;

namespace Halfspace.Cli;

/// <summary>What <c>bench reporting</c> prints for a structure, a set and a size.</summary>
internal sealed record ReportingReport
{
    public required string Structure { get; init; }

    public required int Dim { get; init; }

    public required string Set { get; init; }

    public required int N { get; init; }

    /// <summary>Points reported, the mean over the queries.</summary>
    public required double K { get; init; }

    [JsonPropertyName("query_us")]
    public required double QueryMicroseconds { get; init; }

    /// <summary>Points or sketches read, the mean over the queries.</summary>
    public required double PointsScored { get; init; }

    [JsonPropertyName("build_ms")]
    public required double BuildMilliseconds { get; init; }
}

/// <summary>The exponents of a structure's cost in a dimension, at k near 32.</summary>
internal sealed record ReportingSlopeReport
{
    public required string Structure { get; init; }

    public required int Dim { get; init; }

    public required double SlopePoints { get; init; }

    public required double SlopeTime { get; init; }

    /// <summary>The exponent of its worst-case bound.</summary>
    public required double Theory { get; init; }
}

/// <summary>Sketches against the scan on real keys.</summary>
internal sealed record KeysReport
{
    public string Structure { get; } = "sketch";

    public int Dim { get; } = 64;

    public string Set { get; } = "keys";

    public int N { get; } = 8192;

    public int K { get; } = 256;

    public required long Queries { get; init; }

    /// <summary>The share of the keys whose coordinates were read.</summary>
    public required double Verified { get; init; }

    [JsonPropertyName("flat_us")]
    public required double FlatMicroseconds { get; init; }

    [JsonPropertyName("sketch_us")]
    public required double SketchMicroseconds { get; init; }

    [JsonPropertyName("sketch_pass_us")]
    public required double SketchPassMicroseconds { get; init; }

    [JsonPropertyName("scores_us")]
    public required double ScoresMicroseconds { get; init; }

    [JsonPropertyName("scores_pass_us")]
    public required double ScoresPassMicroseconds { get; init; }

    /// <summary>The scan's time by the sketch's.</summary>
    public required double Speedup { get; init; }

    /// <summary>Pairs a second of three queries a pass by those of one, when reporting.</summary>
    public required double PassRatio { get; init; }

    /// <summary>The same for sketch scores alone.</summary>
    public required double ScoresPassRatio { get; init; }
}
