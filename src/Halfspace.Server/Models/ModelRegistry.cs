using Halfspace.Server.Contexts;
using Halfspace.Server.Http;
using Halfspace.Server.Metrics;

namespace Halfspace.Server.Models;

/// <summary>Loads the models while the server is already up, and finds them by name.</summary>
internal sealed class ModelRegistry(
    HalfspaceServerOptions options, SavedContexts contexts, ServerMetrics metrics, TimeProvider clock, IHostApplicationLifetime lifetime,
        ILogger<ModelRegistry> log)
    : IHostedService, IDisposable
{
    private readonly List<ServedModel> _models = [];
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _loading = Task.CompletedTask;
    private volatile bool _ready;

    /// <summary>What stopped the server, if a model cannot be loaded.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Whether requests can be answered.</summary>
    public bool Ready => _ready && !lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>The models, in the order given.</summary>
    /// <exception cref="ApiException">They are not loaded yet.</exception>
    public IReadOnlyList<ServedModel> Models => _ready ? _models : throw ApiException.Unavailable("The models are still being loaded.");

    /// <summary>The model that a request names; the first one if it names none.</summary>
    /// <exception cref="ApiException">There is no such model, or it is not loaded yet.</exception>
    public ServedModel Find(string? name)
    {
        if (name is null) return Models[0];
        return Models.FirstOrDefault(model => model.Name == name) ?? throw new ApiException(
            StatusCodes.Status404NotFound, "There is no model of this name; GET /v1/models lists them.", "model", "model_not_found");
    }

    /// <summary>Waits until the models are loaded, which begins when the application has started.</summary>
    /// <exception cref="Runtime.ModelException">One cannot be loaded.</exception>
    public Task LoadedAsync(CancellationToken cancellation) => _loaded.Task.WaitAsync(cancellation);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        options.Validate();
        // Not before everything has started: a start that a model's failure cuts short would not say which failure it was.
        lifetime.ApplicationStarted.Register(() => _loading = Task.Run(Load, CancellationToken.None));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _loading.Wait();
        foreach (ServedModel model in _models) model.Dispose();
        _models.Clear();
    }

    private void Load()
    {
        try
        {
            foreach (ServedModelOptions served in options.Models)
            {
                if (lifetime.ApplicationStopping.IsCancellationRequested) return;
                _models.Add(new ServedModel(served, options, contexts.Store, metrics, clock, log));
            }

            _ready = true;
            _loaded.TrySetResult();
        }
        catch (Exception e)
        {
            Failure = e;
            _loaded.TrySetException(e);
            lifetime.StopApplication();
        }
    }
}
