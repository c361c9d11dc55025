using Halfspace.Runtime;

namespace Halfspace.Server;

/// <summary>What is served, and the limits of what is taken in.</summary>
public sealed class HalfspaceServerOptions
{
    /// <summary>The models, by the name that requests give.</summary>
    public IList<ServedModelOptions> Models { get; } = [];

    /// <summary>Requests of one model that are answered at once; each has a context of its own.</summary>
    public int Slots { get; set; } = 8;

    /// <summary>Requests of one model that may wait besides; more are refused with 429.</summary>
    public int Queue { get; set; } = 128;

    /// <summary>Tokens of a prompt that are read at once while other answers are being written.</summary>
    public int ChunkTokens { get; set; } = 128;

    /// <summary>The temperature of requests that name none; 0 is greedy.</summary>
    public float Temperature { get; set; }

    /// <summary>The longest body of a request, in bytes; longer ones are refused with 413.</summary>
    public long MaxBodyBytes { get; set; } = 4 << 20;

    /// <summary>How long a request's body may take to arrive.</summary>
    public TimeSpan BodyTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long running answers may go on when the server is told to stop.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The folder of saved contexts; null keeps none, and requests cannot name any.</summary>
    public string? ContextFolder { get; set; }

    /// <summary>The keys that requests must bring one of; none lets everyone in.</summary>
    public ApiKeys ApiKeys { get; set; } = ApiKeys.None;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ModelException">A value is outside its range, or there is no model.</exception>
    public void Validate()
    {
        if (Models.Count == 0) throw new ModelException("There is no model to serve; name one.");
        if (Models.GroupBy(model => model.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ModelException($"Two models are named {twice.Key}; give one of them another name with NAME=GGUF.");
        if (Slots is < 1 or > 1024) throw new ModelException($"{Slots} answers at once are not possible; give a number from 1 to 1024.");
        if (Queue is < 0 or > 1 << 20) throw new ModelException($"A queue of {Queue} is not possible; give a number from 0 to {1 << 20}.");
        if (ChunkTokens < 1) throw new ModelException($"A chunk of {ChunkTokens} tokens is too small; give at least 1.");
        if (MaxBodyBytes < 1) throw new ModelException($"A body of {MaxBodyBytes} bytes is too small; give at least 1.");
        if (!(Temperature >= 0 && float.IsFinite(Temperature)))
            throw new ModelException($"The temperature is {Temperature}; it must be 0 (greedy) or a positive number.");
    }
}

/// <summary>A model to serve.</summary>
/// <param name="Name">What requests call it.</param>
/// <param name="Path">Its GGUF file.</param>
public sealed record ServedModelOptions(string Name, string Path)
{
    /// <summary>How it is loaded.</summary>
    public ModelOptions Model { get; init; } = new();

    /// <summary>How its contexts hold and read their tokens.</summary>
    public ContextOptions Context { get; init; } = new();
}
