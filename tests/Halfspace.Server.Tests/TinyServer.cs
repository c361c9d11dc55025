using Halfspace.Runtime;
using Halfspace.Tests;

namespace Halfspace.Server.Tests;

/// <summary>A tiny model of random weights in a file, and servers of it.</summary>
public sealed class TinyServer : IAsyncLifetime
{
    public const string Name = "tiny";

    public const string Template =
        "{% for message in messages %}<{{ message.role }}>{{ message.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

    private readonly string _folder = Directory.CreateTempSubdirectory("halfspace-server-tests-").FullName;

    internal RunningServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        File.WriteAllBytes(Path.Combine(_folder, "tiny.gguf"), new TinyModel { Context = 4096, ChatTemplate = Template }.ToGguf());
        Server = await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(_folder, true);
    }

    /// <summary>Another server with options of its own.</summary>
    internal Task<RunningServer> StartAsync(Action<HalfspaceServerOptions>? configure = null, string name = Name) =>
        RunningServer.StartAsync(options =>
    {
        options.Models.Add(Served(name));
        options.ShutdownTimeout = TimeSpan.FromSeconds(5);
        configure?.Invoke(options);
    });

    /// <summary>A file beside the model.</summary>
    internal string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>The model, or another one.</summary>
    internal ServedModelOptions Served(string name = Name, TinyModel? other = null)
    {
        string path = Path.Combine(_folder, (other is null ? Name : name) + ".gguf");
        if (other is not null) File.WriteAllBytes(path, other.ToGguf());
        ModelOptions options = new() { CacheDirectory = Path.Combine(_folder, "cache"), Threads = 2 };
        return new ServedModelOptions(name, path) { Model = options };
    }
}
