using Halfspace.Server.OpenAi;

namespace Halfspace.Server.Lens;

/// <summary><c>POST /v1/halfspace/lens</c>.</summary>
internal sealed class LensRequest
{
    public string? Model { get; init; }

    public List<ChatRequestMessage?>? Messages { get; init; }

    public HalfspaceFields? Halfspace { get; init; }

    public string? Answer { get; init; }

    public int? Token { get; init; }

    public int? Layer { get; init; }

    public int? Head { get; init; }

    public bool? Texts { get; init; }
}

/// <summary>What a head attended to as it chose a token.</summary>
/// <param name="Object">The kind of answer.</param>
/// <param name="Tokens">The answer's tokens; only if texts were asked for.</param>
/// <param name="Texts">The texts of all tokens up to the one that was read; only if asked for.</param>
/// <param name="Layers">Layers of the model.</param>
/// <param name="Heads">Query heads of a layer.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Head">The query head.</param>
/// <param name="Dense">Whether it read every key.</param>
/// <param name="Keys">Keys read exactly.</param>
/// <param name="Visible">Keys there were.</param>
/// <param name="Threshold">b, in nats; none if dense.</param>
/// <param name="TailMass">The weight of what was not read.</param>
/// <param name="Certificate">The bound of the relative error; none where none is known.</param>
/// <param name="Positions">Positions read, ascending.</param>
/// <param name="Weights">Their weights.</param>
/// <param name="KeysByLayer">The head's keys in every layer.</param>
/// <param name="MeanKeysByLayer">The mean over the heads of every layer.</param>
internal sealed record LensBody(
    string Object, string[]? Tokens, string[]? Texts, int Layers, int Heads, int Layer, int Head, bool Dense, int Keys, int Visible, double? Threshold,
    double TailMass, double? Certificate, IReadOnlyList<int> Positions, IReadOnlyList<float> Weights, int[] KeysByLayer, double[] MeanKeysByLayer);
