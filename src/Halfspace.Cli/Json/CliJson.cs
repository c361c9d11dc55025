using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Halfspace.Cli;

/// <summary>
/// The program's JSON: one object a line, names in snake case, text in UTF-8 without escapes. Generated: reflection would slow the start.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RunPiece))]
[JsonSerializable(typeof(RunDone))]
[JsonSerializable(typeof(ContextReport))]
[JsonSerializable(typeof(ContextDeleted))]
[JsonSerializable(typeof(TokenizeReport))]
[JsonSerializable(typeof(InfoReport))]
[JsonSerializable(typeof(PerplexityReport))]
[JsonSerializable(typeof(BenchReport))]
[JsonSerializable(typeof(BenchExponent))]
[JsonSerializable(typeof(ReportingReport))]
[JsonSerializable(typeof(ReportingSlopeReport))]
[JsonSerializable(typeof(KeysReport))]
[JsonSerializable(typeof(AttentionReport))]
[JsonSerializable(typeof(AttentionRoofline))]
[JsonSerializable(typeof(LoadRequest))]
[JsonSerializable(typeof(LoadReport))]
[JsonSerializable(typeof(ThroughputReport))]
internal sealed partial class CliJson : JsonSerializerContext
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a value as one line.</summary>
    public static void WriteLine<T>(TextWriter output, T value, JsonTypeInfo<T> type)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter writer = new(line, Plain)) JsonSerializer.Serialize(writer, value, type);
        output.WriteLine(System.Text.Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length));
    }
}
