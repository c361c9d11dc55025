using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Halfspace.Server.Contexts;
using Halfspace.Server.Lens;
using Halfspace.Server.OpenAi;
using Halfspace.Server.OpenAi.Responses;

namespace Halfspace.Server.Http;

/// <summary>Everything that goes over the wire, compiled ahead.</summary>
[JsonSerializable(typeof(ChatRequest))]
[JsonSerializable(typeof(CompletionRequest))]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatChunk))]
[JsonSerializable(typeof(Completion))]
[JsonSerializable(typeof(ResponseRequest))]
[JsonSerializable(typeof(ResponseBody))]
[JsonSerializable(typeof(ResponseEvent))]
[JsonSerializable(typeof(ContextRequest))]
[JsonSerializable(typeof(ContextList))]
[JsonSerializable(typeof(ContextEntry))]
[JsonSerializable(typeof(ContextProgress))]
[JsonSerializable(typeof(ContextDeleted))]
[JsonSerializable(typeof(LensRequest))]
[JsonSerializable(typeof(LensBody))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelEntry))]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(HealthBody))]
internal sealed partial class ServerJson : JsonSerializerContext
{
    /// <summary>Names in snake case, text as it is rather than escaped: it is read as JSON and nothing else.</summary>
    public static ServerJson Wire { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = 64,
    });
}
