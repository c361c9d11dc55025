using System.Diagnostics.Metrics;

namespace Halfspace.Server.Metrics;

/// <summary>What the server measures, as meters of .NET that any OpenTelemetry exporter reads; <c>/metrics</c> is Prometheus's.</summary>
internal sealed class ServerMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Halfspace.Server";

    private readonly Meter _meter;

    public ServerMetrics(IMeterFactory factory)
    {
        _meter = factory.Create(MeterName);
        PromptTokens = _meter.CreateCounter<long>("halfspace.prompt.tokens", "{token}",
            "Tokens of prompts, by whether a context had read them already.");
        GeneratedTokens = _meter.CreateCounter<long>("halfspace.generated.tokens", "{token}", "Tokens generated.");
        Answers = _meter.CreateCounter<long>("halfspace.answers", "{answer}",
            "Answers that have ended, by how: stop, length, failed or cancelled.");
        Refused = _meter.CreateCounter<long>("halfspace.refused", "{request}", "Requests refused as the queue was full.");
        FirstToken = Histogram("halfspace.time_to_first_token", "s", "From a request's place in the queue to its first token.", Seconds);
        Duration = Histogram("halfspace.answer.duration", "s", "From a request's place in the queue to its end.", Seconds);
        Keys = Histogram("halfspace.keys_per_head", "{key}", "Keys that a head read exactly for a query while decoding, an answer's mean.",
            [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768]);
        Certificate = Histogram("halfspace.certificate", "1",
            "The bound of a head's relative error, an answer's mean; 0 where all rows were dense.",
            [0, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1, 3]);
    }

    public Counter<long> PromptTokens { get; }

    public Counter<long> GeneratedTokens { get; }

    public Counter<long> Answers { get; }

    public Counter<long> Refused { get; }

    public Histogram<double> FirstToken { get; }

    public Histogram<double> Duration { get; }

    public Histogram<double> Keys { get; }

    public Histogram<double> Certificate { get; }

    private static double[] Seconds => [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

    /// <summary>Shows a number of a model whenever it is asked for.</summary>
    public void Gauge(string name, string unit, string description, string model, Func<int> value) =>
        _meter.CreateObservableGauge(name, () => new Measurement<int>(value(), Tag(model)), unit, description);

    /// <summary>The tag that names a model.</summary>
    public static KeyValuePair<string, object?> Tag(string model) => new("model", model);

    private Histogram<double> Histogram(string name, string unit, string description, double[] bounds) =>
        _meter.CreateHistogram(name, unit, description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });
}
