using Halfspace.Runtime;
using Halfspace.Server;
using Halfspace.Tests;

namespace Halfspace.Page.Tests;

/// <summary>A server of a tiny model of random weights, with a folder for contexts.</summary>
internal sealed class PageServer : IAsyncDisposable
{
    private const string Template =
        "{% for message in messages %}<{{ message.role }}>{{ message.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

    private readonly string _folder = Directory.CreateTempSubdirectory("halfspace-page-").FullName;
    private readonly HalfspaceServer _server;

    public PageServer(ApiKeys? keys = null)
    {
        string model = Path.Combine(_folder, "tiny.gguf");
        File.WriteAllBytes(model, new TinyModel { Context = 768, ChatTemplate = Template }.ToGguf());
        _server = HalfspaceServer.Create(options =>
        {
            options.Models.Add(new ServedModelOptions("tiny", model)
            {
                Model = new ModelOptions { CacheDirectory = Path.Combine(_folder, "cache"), Threads = 2 },
            });
            options.ContextFolder = Path.Combine(_folder, "contexts");
            options.Slots = 2;
            options.ChunkTokens = 64;
            options.ShutdownTimeout = TimeSpan.FromSeconds(5);
            options.ApiKeys = keys ?? ApiKeys.None;
        }, ["http://localhost:0"]);
    }

    public string Url => _server.Urls.First();

    public async Task<PageServer> StartAsync()
    {
        await _server.StartAsync(TestContext.Current.CancellationToken);
        using HttpClient http = new();
        while (!(await http.GetAsync(Url + "/ready", TestContext.Current.CancellationToken)).IsSuccessStatusCode)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        return this;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, true);
    }
}
