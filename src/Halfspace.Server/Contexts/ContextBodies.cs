using Halfspace.Runtime.Saved;

namespace Halfspace.Server.Contexts;

/// <summary><c>POST /v1/halfspace/contexts</c>.</summary>
internal sealed class ContextRequest
{
    public string? Name { get; init; }

    public string? Text { get; init; }

    public string? System { get; init; }

    public string? Model { get; init; }

    public bool? Raw { get; init; }

    public bool? Replace { get; init; }

    public bool? Stream { get; init; }
}

/// <summary>A saved context.</summary>
internal sealed record ContextEntry(string Name, string Object, int Tokens, long Bytes, long Created, string Model, string? Damage)
{
    public static ContextEntry Of(SavedContext saved) =>
        new(saved.Name, "halfspace.context", saved.Tokens, saved.Bytes, saved.Created.ToUnixTimeSeconds(), saved.Model, saved.Damage);
}

/// <summary>The answer to <c>GET /v1/halfspace/contexts</c>.</summary>
internal sealed record ContextList(string Object, ContextEntry[] Data);

/// <summary>How much of a document is read.</summary>
internal sealed record ContextProgress(int Read, int Of);

/// <summary>The answer to <c>DELETE /v1/halfspace/contexts/{name}</c>.</summary>
internal sealed record ContextDeleted(string Name, string Object, bool Deleted);
