using System.Text.Json;

namespace Halfspace.Runtime.Chat;

/// <summary>A function that the model may call.</summary>
/// <param name="Name">Its name: letters, digits, '_', '-' and '.', at most 128.</param>
/// <param name="Description">What it does, for the model to read.</param>
/// <param name="Parameters">The JSON schema of its arguments, an object's; undefined for none.</param>
public sealed record ToolDefinition(string Name, string? Description, JsonElement Parameters);

/// <summary>A call of a function by the model.</summary>
/// <param name="Id">Names the call, so that its result can be told apart.</param>
/// <param name="Name">The function.</param>
/// <param name="Arguments">The arguments: a JSON object's text.</param>
public sealed record ToolCall(string Id, string Name, string Arguments);

/// <summary>Whether the model calls functions.</summary>
public sealed record ToolChoice
{
    private ToolChoice()
    {
    }

    /// <summary>It calls none and is told of none.</summary>
    public static ToolChoice None { get; } = new();

    /// <summary>It answers or calls as it likes.</summary>
    public static ToolChoice Auto { get; } = new() { AllowsCalls = true };

    /// <summary>It must call.</summary>
    public static ToolChoice Required { get; } = new() { AllowsCalls = true, IsRequired = true };

    /// <summary>Whether it may call.</summary>
    public bool AllowsCalls { get; private init; }

    /// <summary>Whether it must.</summary>
    public bool IsRequired { get; private init; }

    /// <summary>The only function that it may call, if one is named.</summary>
    public string? Function { get; private init; }

    /// <summary>It must call this function.</summary>
    public static ToolChoice Named(string function) => new() { AllowsCalls = true, IsRequired = true, Function = function };
}
